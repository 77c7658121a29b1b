import { Code, createContextValues } from "@connectrpc/connect";
import { systemClock, tokenAudience, userTokenIssuer } from "@parley/rpc";
import { peerKey, serve } from "@parley/rpc/server";
import { testPostgresUrl } from "@parley/store/testing";
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { adminAccount, samplePassword } from "../index.ts";
import { refusal } from "../testing/refusal.ts";
import { openUserService, type TestUserService } from "../testing/test-user-service.ts";
import { createSigningKeys, keyPublishedAfterMs, keySigningMs } from "./signing-keys.ts";

const alice = { email: "alice@example.com", password: samplePassword };
const ended = { code: Code.Unauthenticated, reason: "REFRESH_TOKEN_ENDED" };

// In a month the test clock runs a hundred thousand periodic statements, which takes minutes on a database server. The rules do not depend on it.
const testOfMonths = test.skipIf(testPostgresUrl !== undefined);
if (testPostgresUrl !== undefined) {
  console.log("Left out on PostgreSQL: the sign-in tests whose clock advances by months. `npm test` runs them.");
}

test("a sign-in returns a token that the published keys verify", async () => {
  await using service = await openUserService();
  const { user, accessToken, expireTime } = await service.users.login({ ...alice, email: "Alice@EXAMPLE.com" });
  expect(user).toMatchObject({ id: "1" });
  const { payload, protectedHeader } = await verify(service, accessToken);
  expect(payload).toMatchObject({ sub: "1", role: "customer", iss: userTokenIssuer, aud: tokenAudience });
  expect(payload.jti).toMatch(/^[0-9a-f-]{36}$/);
  expect(payload.exp).toBe(service.clock.now() / 1000 + 15 * 60);
  expect(Number(expireTime?.seconds)).toBe(payload.exp);
  expect(protectedHeader).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
});

test("the public keys are served, without private parts", async () => {
  const service = await openUserService();
  const server = await serve(service.module, {
    name: "user",
    environment: { ...service.environment, clock: systemClock },
  });
  try {
    const response = await fetch(`${server.url}/.well-known/jwks.json`);
    expect(response.headers.get("cache-control")).toContain("max-age=");
    const { keys } = (await response.json()) as JSONWebKeySet;
    expect(keys.map((key) => Object.keys(key).sort())).toEqual([["alg", "crv", "kid", "kty", "use", "x"]]);
  } finally {
    await server.close();
  }
});

test("a wrong password and an unknown address get the same answer", async () => {
  await using service = await openUserService();
  const wrong = await refusal(service.users.login({ ...alice, password: "wrong-password" }));
  const unknown = await refusal(service.users.login({ email: "nobody@example.com", password: samplePassword }));
  expect(wrong).toMatchObject({ code: Code.Unauthenticated, reason: "WRONG_CREDENTIALS" });
  expect(unknown).toEqual(wrong);
});

test("after five failures an account must wait, each time longer, and a success resets them", async () => {
  await using service = await openUserService();
  const fail = () => refusal(service.users.login({ ...alice, password: "wrong-password" }));
  for (let i = 0; i < 6; i++) {
    expect((await fail()).reason).toBe("WRONG_CREDENTIALS");
  }
  expect(await refusal(service.users.login(alice))).toMatchObject({
    code: Code.ResourceExhausted,
    reason: "TOO_MANY_FAILED_LOGINS",
    retryAfterS: 1,
  });
  await service.clock.advance(1_000);
  expect((await fail()).reason).toBe("WRONG_CREDENTIALS");
  expect(await fail()).toMatchObject({ reason: "TOO_MANY_FAILED_LOGINS", retryAfterS: 2 });
  await service.clock.advance(2_000);
  await service.users.login(alice);
  expect((await fail()).reason).toBe("WRONG_CREDENTIALS");
  expect((await fail()).reason).toBe("WRONG_CREDENTIALS");
});

test("concurrent guesses are not all free", async () => {
  await using service = await openUserService();
  const guesses = Array.from({ length: 20 }, () =>
    refusal(service.users.login({ ...alice, password: "wrong-password" })),
  );
  const checked = (await Promise.all(guesses)).filter(({ reason }) => reason === "WRONG_CREDENTIALS");
  expect(checked.length).toBe(6);
});

test("one address cannot guess the passwords of many accounts, even if it has an account", async () => {
  await using service = await openUserService();
  const reasons: (string | undefined)[] = [];
  for (let i = 0; i < 23; i++) {
    reasons.push((await refusal(service.users.login({ email: `n${i}@example.com`, password: "guess" }))).reason);
    if (i < 15) {
      await service.users.login(alice);
    }
  }
  expect(reasons.slice(0, 21)).toEqual(Array(21).fill("WRONG_CREDENTIALS"));
  expect(reasons.at(-1)).toBe("TOO_MANY_FAILED_LOGINS");
});

test("a refresh token is exchanged for a new pair once", async () => {
  await using service = await openUserService();
  const first = await service.users.login(alice);
  const second = await refresh(service, first);
  expect(second.refreshToken).not.toBe(first.refreshToken);
  expect((await verify(service, second.accessToken)).payload.sub).toBe("1");
  await refresh(service, second);
});

test("a token that is used again ends the whole sign-in, and no other", async () => {
  await using service = await openUserService();
  const other = await service.users.login(alice);
  const first = await service.users.login(alice);
  const second = await refresh(service, first);
  expect(await refusal(refresh(service, first))).toMatchObject(ended);
  expect(await refusal(refresh(service, second))).toMatchObject(ended);
  await refresh(service, other);
});

test("of two concurrent refreshes with one token, at most one succeeds", async () => {
  await using service = await openUserService();
  const { refreshToken } = await service.users.login(alice);
  const both = await Promise.allSettled([1, 2].map(() => service.users.refreshLogin({ refreshToken })));
  expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

testOfMonths("a refresh token ends with its time, at logout, and is not stored in clear", async () => {
  await using service = await openUserService();
  const old = await service.users.login(alice);
  const rows = await service.database.all("SELECT * FROM refresh_tokens");
  expect(JSON.stringify(rows)).not.toContain(old.refreshToken);
  await service.clock.advance(30 * 24 * 60 * 60 * 1000);
  expect(await refusal(refresh(service, old))).toMatchObject(ended);
  const fresh = await service.users.login(alice);
  const renewed = await refresh(service, fresh);
  await service.users.logout({ refreshToken: renewed.refreshToken });
  await service.users.logout({ refreshToken: renewed.refreshToken });
  expect(await refusal(refresh(service, renewed))).toMatchObject(ended);
  await service.users.logout({ refreshToken: "unknown" });
});

testOfMonths("expired refresh tokens are deleted", async () => {
  await using service = await openUserService();
  await service.users.login(alice);
  await service.clock.advance(31 * 24 * 60 * 60 * 1000);
  const kept = async () => {
    await service.clock.advance(10 * 60 * 1000);
    return service.database.all("SELECT * FROM refresh_tokens");
  };
  await expect.poll(kept).toEqual([]);
});

testOfMonths(
  "a new key signs after a month, and the old one stays published until its tokens have expired",
  async () => {
    await using service = await openUserService();
    const before = (await service.users.login(alice)).accessToken;
    await service.clock.advance(keySigningMs - 60_000);
    const last = (await service.users.login(alice)).accessToken;
    expect(keyIdOf(last)).toBe(keyIdOf(before));
    await service.clock.advance(60_000);
    const next = (await service.users.login(alice)).accessToken;
    expect(keyIdOf(next)).not.toBe(keyIdOf(last));
    await verify(service, last);
    await verify(service, next);
    await service.clock.advance(keyPublishedAfterMs);
    await expect(verify(service, last)).rejects.toThrow("no applicable key");
  },
);

test("the settings create an admin, once, and promote no existing account", async () => {
  await using service = await openUserService({ email: "root@example.com", password: "a good password" });
  await service.module.start?.();
  const { user, accessToken } = await service.users.login({ email: "root@example.com", password: "a good password" });
  expect((await verify(service, accessToken)).payload).toMatchObject({ sub: user?.id, role: "admin" });
  await using other = await openUserService({ email: alice.email, password: "a good password" });
  expect((await verify(other, (await other.users.login(alice)).accessToken)).payload.role).toBe("customer");
});

test.each([
  ["half an admin", "root@example.com", undefined],
  ["an address that is none", "root", "a good password"],
  ["a short password", "root@example.com", "short"],
])("settings that name %s are refused", (_name, email, password) => {
  expect(() => adminAccount(email, password)).toThrow(/ADMIN_/);
});

function refresh({ users }: TestUserService, { refreshToken }: { readonly refreshToken: string }) {
  return users.refreshLogin({ refreshToken });
}

function keyIdOf(token: string): string | undefined {
  return decodeProtectedHeader(token).kid;
}

async function verify({ database, clock, environment }: TestUserService, token: string) {
  const keys = await createSigningKeys({ database, clock, newId: environment.newId }).published();
  const currentDate = new Date(clock.now());
  // An old token expired long ago; here the key decides.
  return jwtVerify(token, createLocalJWKSet(keys), { currentDate, clockTolerance: 2 * keyPublishedAfterMs });
}

testOfMonths("a sign-in ends after 90 days, however often it is refreshed", async () => {
  await using service = await openUserService();
  let session: { readonly refreshToken: string } = await service.users.login(alice);
  const dayMs = 24 * 60 * 60 * 1000;
  for (let day = 0; day < 75; day += 25) {
    await service.clock.advance(25 * dayMs);
    session = await refresh(service, session);
  }
  await service.clock.advance(14 * dayMs);
  session = await refresh(service, session);
  await service.clock.advance(1 * dayMs);
  expect(await refusal(refresh(service, session))).toMatchObject(ended);
});

test("a password can be changed by its owner, which ends all sign-ins", async () => {
  await using service = await openUserService();
  const session = await service.users.login(alice);
  const change = { userId: "1", currentPassword: samplePassword, newPassword: "another-password" };
  expect(await refusal(service.users.changePassword({ ...change, currentPassword: "wrong-password" }))).toMatchObject({
    reason: "WRONG_CREDENTIALS",
  });
  expect(await refusal(service.users.changePassword({ ...change, currentPassword: "" }))).toMatchObject({
    reason: "WRONG_CREDENTIALS",
  });
  expect((await refusal(service.users.changePassword({ ...change, userId: "404" }))).reason).toBe("USER_NOT_FOUND");
  expect((await refusal(service.users.changePassword({ ...change, newPassword: "short" }))).code).toBe(
    Code.InvalidArgument,
  );
  await service.users.changePassword(change);
  expect(await refusal(refresh(service, session))).toMatchObject(ended);
  expect((await refusal(service.users.login(alice))).reason).toBe("WRONG_CREDENTIALS");
  await service.users.login({ ...alice, password: "another-password" });
});

test("the sign-ins of a user can be revoked, and those of others stay", async () => {
  await using service = await openUserService();
  const [first, second] = [await service.users.login(alice), await service.users.login(alice)];
  const other = await service.users.login({ ...alice, email: "bob@example.com" });
  await service.users.revokeSessions({ userId: "1" });
  await service.users.revokeSessions({ userId: "1" });
  expect(await refusal(refresh(service, first))).toMatchObject(ended);
  expect(await refusal(refresh(service, second))).toMatchObject(ended);
  await refresh(service, other);
  expect((await refusal(service.users.revokeSessions({ userId: "404" }))).reason).toBe("USER_NOT_FOUND");
});

test("the signing key rotates on demand; the old key stays published, unless it is revoked", async () => {
  await using service = await openUserService();
  const before = await service.users.login(alice);
  const { keyId } = await service.users.rotateSigningKey({});
  const after = await service.users.login(alice);
  expect(decodeProtectedHeader(after.accessToken).kid).toBe(keyId);
  await verify(service, before.accessToken);
  await verify(service, after.accessToken);
  const { keyId: last } = await service.users.rotateSigningKey({ revokeOldKeys: true });
  await expect(verify(service, after.accessToken)).rejects.toThrow();
  expect(decodeProtectedHeader((await service.users.login(alice)).accessToken).kid).toBe(last);
});

test("failures from a shared address do not lock other callers out", async () => {
  await using service = await openUserService();
  const headers = { "x-forwarded-for": "198.51.100.7" };
  for (let index = 0; index < 40; index++) {
    const guess = service.users.login({ email: `n${index}@example.com`, password: "guess" }, { headers });
    expect((await refusal(guess)).reason).toBe("WRONG_CREDENTIALS");
  }
  await service.users.login(alice, { headers });
});

test("a flood of guesses through a gateway without authentication leaves the turns of other addresses alone", async () => {
  await using service = await openUserService();
  const from = (address: string) => ({
    headers: { "x-forwarded-for": address },
    contextValues: createContextValues().set(peerKey, "127.0.0.1"),
  });
  const guesses = Array.from({ length: 100 }, (_, index) =>
    refusal(service.users.login({ email: `n${index}@example.com`, password: "guess" }, from("198.51.100.7"))),
  );
  const others = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((address) => service.users.login(alice, from(address)));
  expect(await Promise.all(others)).toHaveLength(3);
  const reasons = (await Promise.all(guesses)).map(({ reason }) => reason);
  expect(reasons.filter((reason) => reason === "PASSWORD_QUEUE_FULL").length).toBeGreaterThan(0);
});

test("with required sign-in the sample users' published password is refused", async () => {
  await using service = await openUserService(undefined, { signInRequired: true });
  expect((await refusal(service.users.login(alice))).reason).toBe("WRONG_CREDENTIALS");
});
