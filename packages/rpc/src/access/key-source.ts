import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { type Clock, sleep } from "../environment/clock.ts";
import type { Environment } from "../environment/environment.ts";
import { KeysUnavailableError } from "./token-errors.ts";

/** Keys older than this are fetched again while they stay in use, so that a withdrawn key does not stay valid for long. */
const refreshAfterMs = 5 * 60_000;
/**
 * Keys that could not be fetched again for this time become invalid. If the user service is down for longer than the lifetime of its tokens
 * (15 minutes), a token that is still valid could only be forged with a stolen key.
 */
const heldMaxMs = 60 * 60_000;
/** The shortest time between two fetches: tokens with invented key ids must not flood the key server. */
const pauseMs = 250;

export interface KeySourceOptions {
  readonly environment: Pick<Environment, "clock" | "log">;
  /** The owner of the keys, for the log. */
  readonly of: string;
  /** Fetches the current keys. Must settle by itself. */
  readonly load: () => Promise<JSONWebKeySet>;
}

/** Public keys, by the key id of a token. */
export interface KeySource {
  /** Fetches the keys. Rejects with {@link KeysUnavailableError} if that fails. */
  load(): Promise<void>;
  /**
   * The key that a token names. An unknown key triggers a fetch at once. Rejects with jose's `JWKSNoMatchingKey` if there
   * is none, and with {@link KeysUnavailableError} if the fetch fails.
   */
  readonly find: JWTVerifyGetKey;
}

interface HeldKeys {
  readonly find: JWTVerifyGetKey;
  readonly ids: ReadonlySet<string | undefined>;
  readonly readMs: number;
}

/** Caches keys, and fetches them again when a token names an unknown one. */
export function createKeySource({ environment: { clock, log }, of, load }: KeySourceOptions): KeySource {
  let held: HeldKeys | undefined;
  let reading: Promise<HeldKeys> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  let failing = false;

  async function readOnce(): Promise<HeldKeys> {
    await pause(clock, lastMs + pauseMs - clock.monotonic());
    try {
      const keys = await load();
      held = {
        find: createLocalJWKSet(keys),
        ids: new Set(keys.keys.map(({ kid }) => kid)),
        readMs: clock.monotonic(),
      };
      failing = false;
      return held;
    } catch (cause) {
      if (!failing) {
        failing = true;
        log.warn({ err: cause }, `the public keys of ${of} cannot be fetched; known keys stay in use`);
      }
      throw new KeysUnavailableError(`the public keys of ${of} cannot be read now`, { cause });
    } finally {
      lastMs = clock.monotonic();
      reading = undefined;
    }
  }

  /** Concurrent requests share one fetch. */
  function read(): Promise<HeldKeys> {
    reading ??= readOnce();
    return reading;
  }

  async function current(): Promise<HeldKeys> {
    const ageMs = held === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() - held.readMs;
    if (held === undefined || ageMs > heldMaxMs) {
      return read();
    }
    if (ageMs > refreshAfterMs) {
      read().catch(keepCurrentKeys);
    }
    return held;
  }

  return {
    async load() {
      await read();
    },
    async find(header, token) {
      if (header.kid === undefined) {
        throw new errors.JWKSNoMatchingKey("the token names no key");
      }
      let keys = await current();
      if (!keys.ids.has(header.kid)) {
        keys = await read();
      }
      return keys.find(header, token);
    },
  };
}

async function pause(clock: Clock, leftMs: number): Promise<void> {
  if (leftMs > 0) {
    await sleep(clock, leftMs);
  }
}

/** The failure was logged, and the next call retries. */
function keepCurrentKeys(): void {}
