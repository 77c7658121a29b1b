import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { UserError } from "../user-errors.ts";
import { createTurnstile, TurnstileFullError } from "./turnstile.ts";

/**
 * What a hash costs: argon2id with 19 MiB of memory, 2 passes, 1 lane, the first choice of OWASP's Password Storage Cheat
 * Sheet. About 25 ms of one core.
 */
export const passwordHashCost = { memory: 19_456, passes: 2, parallelism: 1 } as const;
/** The lengths that RFC 9106, section 4, recommends. */
const saltBytes = 16;
const tagLength = 32;
/** Hashes at once: half of the four threads that Node has for such work, so that files and names are still read. */
const hashesAtOnce = 2;
/** Hashes that wait at most: at 25 ms each and two at once, under a second of waiting. */
const hashesWaitingMax = 64;

/** Turns passwords into hashes, and checks them. Neither password nor hash is ever logged. */
export interface PasswordHasher {
  /** A hash in the PHC string format. With a fresh salt, unless one is given. Throws PASSWORD_QUEUE_FULL. */
  hash(password: string, options?: HashOptions): Promise<string>;
  /** Whether the hash is of this password. Without a hash: false, after as long. Throws PASSWORD_QUEUE_FULL. */
  verify(password: string, hash: string | undefined, signal?: AbortSignal): Promise<boolean>;
}

export interface HashOptions {
  /** 16 bytes that no other password is hashed with. */
  readonly salt?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export function createPasswordHasher(): PasswordHasher {
  const turnstile = createTurnstile({ atOnce: hashesAtOnce, waitingMax: hashesWaitingMax });
  // Checked against where there is no account, so that an unknown one takes as long as a known one.
  const dummy: PasswordHash = { ...passwordHashCost, salt: randomBytes(saltBytes), tag: randomBytes(tagLength) };

  async function derive(password: string, hash: Omit<PasswordHash, "tag">, signal?: AbortSignal): Promise<Buffer> {
    try {
      return await turnstile.pass(() => argon2id(password, hash), signal);
    } catch (error) {
      if (error instanceof TurnstileFullError) {
        throw new UserError("PASSWORD_QUEUE_FULL", "Too many are signing in at this moment.", { retryAfterMs: 1_000 });
      }
      throw error;
    }
  }

  return {
    async hash(password, { salt = randomBytes(saltBytes), signal } = {}) {
      const tag = await derive(password, { ...passwordHashCost, salt }, signal);
      return write({ ...passwordHashCost, salt, tag });
    },
    async verify(password, hash, signal) {
      const known = hash === undefined ? dummy : read(hash);
      const tag = await derive(password, known, signal);
      return timingSafeEqual(tag, known.tag) && hash !== undefined;
    },
  };
}

interface PasswordHash {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Uint8Array;
  readonly tag: Uint8Array;
}

function argon2id(password: string, { memory, passes, parallelism, salt }: Omit<PasswordHash, "tag">): Promise<Buffer> {
  // The same characters can be typed as different code points (NIST SP 800-63B, section 3.1.1.2).
  const message = password.normalize("NFKC");
  const parameters: Argon2Parameters = { message, nonce: salt, memory, passes, parallelism, tagLength };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)));
  });
}

function write({ memory, passes, parallelism, salt, tag }: PasswordHash): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

function read(hash: string): PasswordHash {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(hash);
  if (match === null) {
    throw new Error("a stored password hash cannot be read");
  }
  const [, memory, passes, parallelism, salt = "", tag = ""] = match;
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}
