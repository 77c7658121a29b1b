import { expect, test } from "vitest";
import { samplePassword, samplePasswordHash } from "../first-users.ts";
import type { UserError } from "../user-errors.ts";
import { createPasswordHasher } from "./password-hash.ts";

const passwords = createPasswordHasher();

test("a hash fits its password alone", async () => {
  const hash = await passwords.hash("pässword");
  expect(await passwords.verify("pässword", hash)).toBe(true);
  expect(await passwords.verify("pa\u0308ssword", hash)).toBe(true);
  expect(await passwords.verify("password", hash)).toBe(false);
  expect(await passwords.hash("pässword")).not.toBe(hash);
});

test("the hash of the sample password fits it", async () => {
  expect(await passwords.verify(samplePassword, samplePasswordHash)).toBe(true);
});

test("no hash fits nothing, and takes as long to say so", async () => {
  const hash = await passwords.hash("password");
  const time = async (known: string | undefined) => {
    const start = performance.now();
    expect(await passwords.verify("wrong", known)).toBe(false);
    return performance.now() - start;
  };
  const [known, unknown] = [await time(hash), await time(undefined)];
  // A busy machine is noisy; leaving the hash out would be a hundredfold faster.
  expect(unknown).toBeGreaterThan(known / 10);
});

test("a hash that cannot be read is an error, not a wrong password", async () => {
  await expect(passwords.verify("x", "plain")).rejects.toThrow("cannot be read");
});

test("more than can be hashed in good time are told to wait", async () => {
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
