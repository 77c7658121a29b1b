import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { UserError } from "../user-errors.ts";
import { createFairGate, type FairGate, FairGateFullError } from "./fair-gate.ts";

/**
 * The cost of a hash: argon2id with 19 MiB of memory, 2 passes, 1 lane, the first choice of OWASP's Password Storage Cheat
 * Sheet. About 25 ms of one core.
 */
export const passwordHashCost = { memory: 19_456, passes: 2, parallelism: 1 } as const;
/**
 * The hash of an account without a password. It has the format of a hash, so that an earlier release can read it. No password is
 * ever compared with it.
 */
export const noPasswordHash = `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
/** The lengths that RFC 9106, section 4, recommends. */
const saltBytes = 16;
const tagLength = 32;
/**
 * Concurrent hashes, for sign-ins and for new passwords: together three of libuv's four threads, so that file operations
 * still run. Each has its own gate, so that many sign-ups do not block sign-ins.
 */
const checksAtOnce = 2;
const newPasswordsAtOnce = 1;
/** The most waiting in each gate: at 25 ms each, a second or two. */
const hashesWaitingMax = 64;

/** Hashes passwords, and verifies them. Neither password nor hash is ever logged. */
export interface PasswordHasher {
  /** A hash in the PHC string format, with a random salt. Throws PASSWORD_QUEUE_FULL. */
  hash(password: string, caller?: PasswordCaller): Promise<string>;
  /** Whether the hash matches this password. Without a hash, or for {@link noPasswordHash}: false, after the same time. Throws PASSWORD_QUEUE_FULL. */
  verify(password: string, hash: string | undefined, caller?: PasswordCaller): Promise<boolean>;
}

/** The user, or the e-mail address. */
export interface PasswordCaller {
  /** The caller's network address: addresses take turns. */
  readonly address?: string;
  readonly signal?: AbortSignal | undefined;
}

export function createPasswordHasher(): PasswordHasher {
  const checks = createFairGate({ atOnce: checksAtOnce, waitingMax: hashesWaitingMax });
  const newPasswords = createFairGate({ atOnce: newPasswordsAtOnce, waitingMax: hashesWaitingMax });
  // Verified if there is no account, so that an unknown one takes as long as a known one.
  const dummy: PasswordHash = { ...passwordHashCost, salt: randomBytes(saltBytes), tag: randomBytes(tagLength) };

  async function runIn<T>(gate: FairGate, work: () => Promise<T>, caller: PasswordCaller): Promise<T> {
    try {
      return await gate.pass(work, { key: caller.address ?? "", signal: caller.signal });
    } catch (error) {
      if (error instanceof FairGateFullError) {
        const message = "Too many passwords are waiting to be checked. Try again in a second.";
        throw new UserError("PASSWORD_QUEUE_FULL", message, { retryAfterMs: 1_000, cause: error });
      }
      throw error;
    }
  }

  return {
    async hash(password, caller = {}) {
      const salt = randomBytes(saltBytes);
      const tag = await runIn(newPasswords, () => argon2id(password, { ...passwordHashCost, salt }), caller);
      return write({ ...passwordHashCost, salt, tag });
    },
    async verify(password, hash, caller = {}) {
      const known = hash === undefined || hash === noPasswordHash ? dummy : read(hash);
      const tag = await runIn(checks, () => argon2id(password, known), caller);
      return timingSafeEqual(tag, known.tag) && known !== dummy;
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
