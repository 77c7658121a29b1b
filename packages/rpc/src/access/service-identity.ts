import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import type { JWK } from "jose";
import {
  forwarderTokenType,
  serviceTokenIssuer,
  serviceTokenType,
  tokenAlgorithm,
  tokenAudience,
} from "../call/token-claims.ts";
import type { Clock } from "../environment/clock.ts";
import type { ServiceIdentity } from "../environment/environment.ts";

/** The time for which a service's own token is valid. Short, since signing is cheap and it cannot be revoked. */
const lifetimeMs = 5 * 60_000;
/** A token is replaced after this time, so that each has minutes left when it is sent. */
const renewAfterMs = 100_000;

/** Signs a service's own tokens with its private key, a JWK with `kid` (RFC 7517). A token for each contract is cached. */
export function createServiceIdentity(
  name: string,
  { privateKey, clock }: { readonly privateKey: JWK; readonly clock: Clock },
): ServiceIdentity {
  const key = createPrivateKey({ key: privateKey as never, format: "jwk" });
  const kept = new Map<string, { readonly token: string; readonly untilMs: number }>();

  function tokenFor(type: string, audience: string): string {
    const nowMs = clock.now();
    const cacheKey = `${type} ${audience}`;
    const current = kept.get(cacheKey);
    // A clock that was set back must not extend a token.
    if (current !== undefined && nowMs < current.untilMs && current.untilMs - nowMs <= renewAfterMs) {
      return current.token;
    }
    const header = { alg: tokenAlgorithm, typ: type, ...(privateKey.kid ? { kid: privateKey.kid } : {}) };
    const claims = {
      iss: serviceTokenIssuer,
      sub: name,
      // The platform's own audience is included for services of earlier releases, which check only that.
      aud: [tokenAudience, audience],
      iat: Math.floor(nowMs / 1000),
      exp: Math.floor((nowMs + lifetimeMs) / 1000),
    };
    const token = signed(key, header, claims);
    kept.set(cacheKey, { token, untilMs: nowMs + renewAfterMs });
    return token;
  }

  return {
    name,
    token: (audience) => tokenFor(serviceTokenType, audience),
    forwarderToken: (audience) => tokenFor(forwarderTokenType, audience),
  };
}

/** A JSON Web Signature in compact form (RFC 7515, section 7.1). */
function signed(key: KeyObject, ...parts: readonly [header: object, claims: object]): string {
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}
