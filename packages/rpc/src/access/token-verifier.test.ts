import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { createTestClock, type TestClock } from "../testing/test-clock.ts";
import { testKey, userToken } from "./access-fixture.ts";
import { TokenRefusedError } from "./token-errors.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

const contract = "order.v1.OrderService";
const key = testKey("u1");
const keys = createLocalJWKSet({ keys: [key.publicJwk] });

let clock: TestClock;
let verifier: TokenVerifier;
let lookups: number;
let withdrawn: boolean;

beforeEach(() => {
  clock = createTestClock();
  lookups = 0;
  withdrawn = false;
  const users: JWTVerifyGetKey = (header, token) => {
    lookups++;
    return withdrawn ? Promise.reject(new errors.JWKSNoMatchingKey()) : keys(header, token);
  };
  verifier = createTokenVerifier({ users, services: keys }, { clock });
});

const tokenFor = (seconds: number) => userToken(key, { exp: clock.now() / 1000 + seconds });

describe("a verified token", () => {
  test("is cached", async () => {
    const token = tokenFor(900);
    expect(await verifier.verify(token, contract)).toMatchObject({ kind: "user", id: "1", token });
    await verifier.verify(token, contract);
    expect(lookups).toBe(1);
  });

  test("expires on time, cached or not", async () => {
    const token = tokenFor(30);
    await clock.advance(29_000);
    await verifier.verify(token, contract);
    await clock.advance(1_000);
    await expect(verifier.verify(token, contract)).rejects.toMatchObject({ reason: "TOKEN_ENDED" });
  });

  test("is invalid a minute after its key was withdrawn", async () => {
    const token = tokenFor(900);
    await verifier.verify(token, contract);
    withdrawn = true;
    await clock.advance(59_000);
    expect(await verifier.verify(token, contract)).toMatchObject({ id: "1" });
    await clock.advance(1_000);
    await expect(verifier.verify(token, contract)).rejects.toBeInstanceOf(TokenRefusedError);
  });
});

test("a token with another algorithm is refused before a key lookup, also if the key would match", async () => {
  await expect(verifier.verify(userToken(key, {}, { alg: "Ed25519" }), contract)).rejects.toThrow("algorithm");
  expect(lookups).toBe(0);
});

test("only a token of the user service makes an admin", async () => {
  const kindOf = async (role: unknown) => (await verifier.verify(userToken(key, { role }), contract)).kind;
  expect([await kindOf("admin"), await kindOf("Admin"), await kindOf(["admin"]), await kindOf(undefined)]).toEqual([
    "admin",
    "user",
    "user",
    "user",
  ]);
});
