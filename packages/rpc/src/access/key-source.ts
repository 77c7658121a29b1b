import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { type Clock, sleep } from "../environment/clock.ts";
import type { Environment } from "../environment/environment.ts";
import { KeysUnavailableError } from "./token-errors.ts";

/** Keys older than this are read again while they go on being used, so that one that was withdrawn does not count for long. */
const refreshAfterMs = 5 * 60_000;
/**
 * Keys that could not be read again for this long count no more. Where the user service is down for longer than its tokens live
 * (15 minutes), only a thief of a key has a valid one.
 */
const heldMaxMs = 60 * 60_000;
/** The shortest time between two readings: tokens with made-up key ids must not flood who is asked. */
const pauseMs = 250;

export interface KeySourceOptions {
  readonly environment: Pick<Environment, "clock" | "log">;
  /** Whose keys they are, for the log. */
  readonly of: string;
  /** Reads the keys as they are now. Must come to an end by itself. */
  readonly load: () => Promise<JSONWebKeySet>;
}

/** Public keys, by the key id of a token. */
export interface KeySource {
  /** Reads the keys. Rejects with {@link KeysUnavailableError} if that fails. */
  load(): Promise<void>;
  /**
   * The key that a token names. A key that is not known is looked for at once. Rejects with jose's `JWKSNoMatchingKey` if there
   * is none, and with {@link KeysUnavailableError} where that cannot be found out.
   */
  readonly find: JWTVerifyGetKey;
}

interface HeldKeys {
  readonly find: JWTVerifyGetKey;
  readonly ids: ReadonlySet<string | undefined>;
  readonly readMs: number;
}

/** Keys that are read from somewhere, kept, and looked for again when a token names one that is not known. */
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
        log.warn({ err: cause }, `the public keys of ${of} cannot be read; those that are known go on being used`);
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
      read().catch(goOnWithThoseHeld);
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

/** It was logged, and the next call tries again. */
function goOnWithThoseHeld(): void {}
