import { expect, test } from "vitest";
import { samplePassword, samplePasswordHash } from "../first-users.ts";
import type { UserError } from "../user-errors.ts";
import { createPasswordHasher, noPasswordHash } from "./password-hash.ts";

const passwords = createPasswordHasher();

test("a hash matches its password only", async () => {
  const hash = await passwords.hash("pässword");
  expect(await passwords.verify("pässword", hash)).toBe(true);
  expect(await passwords.verify("pa\u0308ssword", hash)).toBe(true);
  expect(await passwords.verify("password", hash)).toBe(false);
  expect(await passwords.hash("pässword")).not.toBe(hash);
});

test("the sample hash matches the sample password", async () => {
  expect(await passwords.verify(samplePassword, samplePasswordHash)).toBe(true);
});

test.each([
  ["a missing hash", undefined],
  ["the hash of an account without a password", noPasswordHash],
])("%s matches nothing, after the same time", async (_name, none) => {
  const hash = await passwords.hash("password");
  const time = async (known: string | undefined) => {
    const start = performance.now();
    expect(await passwords.verify("wrong", known)).toBe(false);
    return performance.now() - start;
  };
  const [known, unknown] = [await time(hash), await time(none)];
  expect(await passwords.verify("", none)).toBe(false);
  // A busy machine is noisy; without a hash it would be a hundred times faster.
  expect(unknown).toBeGreaterThan(known / 10);
});

test("an unreadable hash is an error, not a wrong password", async () => {
  await expect(passwords.verify("x", "plain")).rejects.toThrow("cannot be read");
});

test("refuses more hashes than it can compute in time", async () => {
  const busy = createPasswordHasher();
  const impatient = new AbortController();
  const all = Array.from({ length: 66 }, () => busy.hash("password", { signal: impatient.signal }));
  await expect(all.at(-1)).rejects.toMatchObject({
    reason: "PASSWORD_QUEUE_FULL",
    retryAfterMs: 1_000,
  } satisfies Partial<UserError>);
  impatient.abort();
  const outcomes = await Promise.allSettled(all);
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});
