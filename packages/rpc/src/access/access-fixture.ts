import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { JWK } from "jose";
import {
  serviceTokenIssuer,
  serviceTokenType,
  tokenAlgorithm,
  tokenAudience,
  userTokenIssuer,
  userTokenType,
} from "../call/token-claims.ts";

/** A key that signs any token, for tests. */
export interface TestKey {
  readonly kid: string;
  readonly key: KeyObject;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
}

export function testKey(kid: string): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    kid,
    key: privateKey,
    publicJwk: { ...(publicKey.export({ format: "jwk" }) as JWK), kid },
    privateJwk: { ...(privateKey.export({ format: "jwk" }) as JWK), kid },
  };
}

/** A user's token. `claims` and `header` override the defaults; undefined omits a field. */
export function userToken(key: TestKey, claims: object = {}, header: object = {}): string {
  const right = { sub: "1", role: "customer", iss: userTokenIssuer, aud: tokenAudience, exp: inSeconds(60) };
  return signed(key, { ...right, ...claims }, { typ: userTokenType, ...header });
}

/** A service's token, likewise. */
export function serviceToken(key: TestKey, claims: object = {}, header: object = {}): string {
  const right = { sub: "order", iss: serviceTokenIssuer, aud: tokenAudience, exp: inSeconds(60) };
  return signed(key, { ...right, ...claims }, { typ: serviceTokenType, ...header });
}

/** The time in this many seconds, as JWT's NumericDate. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

function signed({ kid, key }: TestKey, claims: object, header: object): string {
  const parts = [{ alg: tokenAlgorithm, kid, ...header }, claims];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}
