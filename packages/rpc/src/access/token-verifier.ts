import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Caller } from "../call/call-context.ts";
import type { Clock } from "../environment/clock.ts";
import { serviceTokenIssuer, tokenAlgorithm, tokenAudience, userTokenIssuer } from "./token-claims.ts";

/** Tokens are some 300 bytes long; what is longer is none of ours and is not looked at. */
const tokenBytesMax = 4_096;
/** How many verified tokens are remembered: each costs about a kilobyte, and saves checking a signature on every call. */
const rememberedMax = 10_000;
/** How long a verified token is taken without another look at its key, so that a key that was withdrawn counts as such. */
const rememberedMs = 60_000;

/** Tells who a bearer token speaks for. */
export interface TokenVerifier {
  /** The caller. Rejects with {@link TokenRefusedError} where the token proves nobody. */
  verify(token: string): Promise<Caller>;
}

/** A token that proves nobody, and why, in words that may be sent to whoever sent it. */
export class TokenRefusedError extends Error {
  override readonly name = "TokenRefusedError";
}

export interface TokenKeys {
  /** The public keys of the user service. */
  readonly users: JWTVerifyGetKey;
  /** The public keys of the platform's services. */
  readonly services: JWTVerifyGetKey;
}

/** Checks signature, issuer, audience and times of tokens (RFC 7519, RFC 8725), and remembers for a minute those that passed. */
export function createTokenVerifier(keys: TokenKeys, { clock }: { readonly clock: Clock }): TokenVerifier {
  const remembered = new Map<string, { readonly caller: Caller; readonly untilMs: number }>();

  async function verify(token: string): Promise<Caller> {
    const known = remembered.get(token);
    if (known !== undefined && clock.now() < known.untilMs) {
      return known.caller;
    }
    remembered.delete(token);
    const claims = await checked(token);
    const caller = callerOf(claims, token);
    if (remembered.size >= rememberedMax) {
      for (const oldest of remembered.keys()) {
        remembered.delete(oldest);
        break;
      }
    }
    remembered.set(token, { caller, untilMs: Math.min((claims.exp ?? 0) * 1000, clock.now() + rememberedMs) });
    return caller;
  }

  async function checked(token: string): Promise<JWTPayload> {
    if (token.length > tokenBytesMax) {
      throw new TokenRefusedError(`the token is longer than ${tokenBytesMax} bytes`);
    }
    try {
      const issuer = decodeJwt(token).iss;
      const { payload } = await jwtVerify(token, issuer === serviceTokenIssuer ? keys.services : keys.users, {
        algorithms: [tokenAlgorithm],
        issuer: issuer === serviceTokenIssuer ? serviceTokenIssuer : userTokenIssuer,
        audience: tokenAudience,
        requiredClaims: ["sub", "exp"],
        currentDate: new Date(clock.now()),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) {
        throw new TokenRefusedError(wordsFor(error), { cause: error });
      }
      throw error;
    }
  }

  return { verify };
}

function callerOf({ iss, sub = "", role }: JWTPayload, token: string): Caller {
  if (iss === serviceTokenIssuer) {
    return { kind: "service", id: sub, token };
  }
  return { kind: role === "admin" ? "admin" : "user", id: sub, token };
}

function wordsFor(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) {
    return "the token has ended";
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `the token's ${error.claim} is not one that is taken here`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return "the token's algorithm is not one that is taken here";
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return "the token cannot be read";
  }
  return "the token's signature is not one that is taken here";
}
