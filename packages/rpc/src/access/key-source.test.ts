import { errors, type FlattenedJWSInput, type JSONWebKeySet } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { systemEnvironment } from "../environment/system-environment.ts";
import { createTestClock, type TestClock } from "../testing/test-clock.ts";
import { testKey } from "./access-fixture.ts";
import { createKeySource, type KeySource } from "./key-source.ts";
import { KeysUnavailableError } from "./token-errors.ts";

const minuteMs = 60_000;
const [first, second] = [testKey("first"), testKey("second")];

let clock: TestClock;
let source: KeySource;
let published: JSONWebKeySet | Error;
let readings: number;

beforeEach(() => {
  clock = createTestClock();
  published = { keys: [first.publicJwk] };
  readings = 0;
  source = createKeySource({
    environment: { clock, log: systemEnvironment({ name: "test", logLevel: "silent" }).log },
    of: "users",
    async load() {
      readings++;
      if (published instanceof Error) {
        throw published;
      }
      return published;
    },
  });
});

const jws = {} as FlattenedJWSInput;

/** The result of looking for a key, advancing the clock as needed. */
async function find(kid?: string): Promise<"found" | "unknown" | "unavailable"> {
  const found = Promise.resolve(source.find({ alg: "EdDSA", ...(kid === undefined ? {} : { kid }) }, jws)).then(
    () => "found" as const,
    (error: unknown) => {
      if (error instanceof KeysUnavailableError) return "unavailable" as const;
      if (error instanceof errors.JWKSNoMatchingKey) return "unknown" as const;
      throw error;
    },
  );
  await clock.advance(300);
  return found;
}

test("fetches the keys once for many tokens", async () => {
  expect(await Promise.all([find("first"), find("first"), find("first")])).toEqual(["found", "found", "found"]);
  expect(await find("first")).toBe("found");
  expect(readings).toBe(1);
});

test("finds a new key as soon as a token names it", async () => {
  await find("first");
  published = { keys: [second.publicJwk, first.publicJwk] };
  expect(await find("second")).toBe("found");
});

test("fetches no more often than the pause allows, however many keys are invented", async () => {
  await find("first");
  await clock.advance(minuteMs);
  const looking: Promise<unknown>[] = [];
  for (let index = 0; index < 20; index++) {
    looking.push(Promise.resolve(source.find({ alg: "EdDSA", kid: `made-up-${index}` }, jws)).catch(() => "unknown"));
    await clock.settle();
  }
  expect(readings).toBe(2);
  await clock.advance(250);
  expect(new Set(await Promise.all(looking))).toEqual(new Set(["unknown"]));
  expect(readings).toBe(3);
});

test("does not guess a key for a token without key id", async () => {
  expect(await find(undefined)).toBe("unknown");
  expect(readings).toBe(0);
});

test("drops a withdrawn key at the next fetch", async () => {
  await find("first");
  published = { keys: [second.publicJwk] };
  await clock.advance(6 * minuteMs);
  await find("first");
  expect(await find("first")).toBe("unknown");
});

describe("while the keys cannot be fetched", () => {
  test("keeps known ones, and rejects with KeysUnavailableError for others", async () => {
    await find("first");
    published = new Error("connection refused");
    await clock.advance(50 * minuteMs);
    expect(await find("first")).toBe("found");
    expect(await find("second")).toBe("unavailable");
    published = { keys: [first.publicJwk, second.publicJwk] };
    expect(await find("second")).toBe("found");
  });

  test("keeps no key for longer than an hour", async () => {
    await find("first");
    published = new Error("connection refused");
    await clock.advance(61 * minuteMs);
    expect(await find("first")).toBe("unavailable");
  });

  test("treats an invalid JWK Set as a failed fetch", async () => {
    published = { keys: "none" } as unknown as JSONWebKeySet;
    expect(await find("first")).toBe("unavailable");
    await expect(Promise.all([source.load(), clock.advance(300)])).rejects.toBeInstanceOf(KeysUnavailableError);
  });
});
