import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyResult, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { Caller } from "../call/call-context.ts";
import {
  forwarderTokenType,
  serviceOfKey,
  serviceTokenIssuer,
  serviceTokenType,
  tokenAlgorithm,
  tokenAudience,
  userTokenIssuer,
  userTokenType,
} from "../call/token-claims.ts";
import type { Clock } from "../environment/clock.ts";
import { TokenRefusedError } from "./token-errors.ts";

/** Tokens are some 400 bytes long; longer ones are refused unread. */
const tokenBytesMax = 4_096;
/** The number of cached tokens: each takes about a kilobyte, and saves checking a signature on every call. */
const rememberedMax = 10_000;
/** The time for which a verified token is cached without another key lookup, so that a withdrawn key takes effect. */
const rememberedMs = 60_000;

/** Finds the caller of a bearer token. */
export interface TokenVerifier {
  /**
   * The caller. `audience` is the contract that is called: a service's token must be for it. Rejects with `TokenRefusedError` if the token is
   * invalid, with `KeysUnavailableError` if that cannot be fetched now.
   */
  verify(token: string, audience: string): Promise<Caller>;
  /** The same for the token with which a gateway vouches for a forwarded call. */
  verifyForwarder(token: string, audience: string): Promise<Caller>;
}

export interface TokenKeys {
  /** The public keys of the user service. */
  readonly users: JWTVerifyGetKey;
  /** The public keys of the platform's services. */
  readonly services: JWTVerifyGetKey;
}

/** Checks signature, issuer, audience, type and times of tokens (RFC 7519, RFC 8725), and caches valid ones for a minute. */
export function createTokenVerifier(keys: TokenKeys, { clock }: { readonly clock: Clock }): TokenVerifier {
  const remembered = new LRUCache<string, Verified & { readonly untilMs: number }>({ max: rememberedMax });

  async function check(token: string): Promise<Verified> {
    // Not verified yet: it only selects the rules for the token, among them its issuer.
    const byService = decodeJwt(token).iss === serviceTokenIssuer;
    const result = await jwtVerify(token, byService ? keys.services : keys.users, {
      algorithms: [tokenAlgorithm],
      issuer: byService ? serviceTokenIssuer : userTokenIssuer,
      ...(byService ? {} : { typ: userTokenType }),
      audience: tokenAudience,
      requiredClaims: ["sub", "exp"],
      currentDate: new Date(clock.now()),
    });
    const { typ = "" } = result.protectedHeader;
    const audiences = [result.payload.aud ?? []].flat();
    return byService
      ? { caller: serviceOf(result, token), typ: typ.toLowerCase(), audiences }
      : { caller: userOf(result.payload, token), typ: userTokenType, audiences: [] };
  }

  async function verified(token: string): Promise<Verified> {
    const known = remembered.get(token);
    if (known !== undefined && clock.now() < known.untilMs) {
      return known;
    }
    remembered.delete(token);
    if (token.length > tokenBytesMax) {
      throw new TokenRefusedError(`The token is longer than the limit of ${tokenBytesMax} bytes.`);
    }
    const fresh = await check(token).catch(refuse);
    const untilMs = Math.min(fresh.caller.expireTimeMs ?? 0, clock.now() + rememberedMs);
    remembered.set(token, { ...fresh, untilMs });
    return fresh;
  }

  return {
    async verify(token, audience) {
      const { caller, typ, audiences } = await verified(token);
      if (caller.kind === "service") {
        checkType(typ, [serviceTokenType]);
        checkAudience(audiences, audience);
      }
      return caller;
    },
    async verifyForwarder(token, audience) {
      const { caller, typ, audiences } = await verified(token);
      // Gateways of earlier releases authenticate with their service's token.
      checkType(typ, [forwarderTokenType, serviceTokenType]);
      checkAudience(audiences, audience);
      return caller;
    },
  };
}

/** The cached result of a verified token. */
interface Verified {
  readonly caller: Caller;
  /** In lower case. */
  readonly typ: string;
  /** Empty for users' tokens, which are for every service. */
  readonly audiences: readonly string[];
}

function checkType(typ: string, allowed: readonly string[]): void {
  if (!allowed.includes(typ.replace(/^application\//, ""))) {
    throw new TokenRefusedError("The typ of the token is not accepted here.");
  }
}

/** A service's token is for one contract. One that names the platform only was signed by an earlier release, and is still accepted. */
function checkAudience(audiences: readonly string[], audience: string): void {
  if (!audiences.includes(audience) && !(audiences.length === 1 && audiences[0] === tokenAudience)) {
    throw new TokenRefusedError(`The token is not for ${audience} (its aud names another).`);
  }
}

function userOf(claims: JWTPayload, token: string): Caller {
  return { kind: claims.role === "admin" ? "admin" : "user", ...proof(claims, token) };
}

function serviceOf({ payload, protectedHeader: { kid = "" } }: JWTVerifyResult, token: string): Caller {
  // A key is valid for its own service only: a stolen one must not authenticate another service.
  if (payload.sub !== serviceOfKey(kid)) {
    throw new TokenRefusedError("The token is signed with a key of another service.");
  }
  return { kind: "service", ...proof(payload, token) };
}

function proof({ sub, exp = 0 }: JWTPayload, token: string) {
  if (typeof sub !== "string" || sub === "") {
    throw new TokenRefusedError("The token has no sub, so it names no caller.");
  }
  return { id: sub, token, expireTimeMs: exp * 1000 };
}

function refuse(cause: unknown): never {
  if (cause instanceof errors.JWTExpired) {
    throw new TokenRefusedError("The token has expired. Refresh it, or sign in again.", {
      reason: "TOKEN_ENDED",
      cause,
    });
  }
  throw cause instanceof errors.JOSEError ? new TokenRefusedError(wordsFor(cause), { cause }) : cause;
}

function wordsFor(error: errors.JOSEError): string {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `The ${error.claim} of the token is not accepted here.`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return "The algorithm of the token is not accepted here.";
  }
  if (error instanceof errors.JOSENotSupported) {
    return "The token requires an extension that is not known here (crit).";
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return "The token is signed with a key that is not known here.";
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return "The token is not a JSON Web Token.";
  }
  return "The signature of the token is wrong.";
}
