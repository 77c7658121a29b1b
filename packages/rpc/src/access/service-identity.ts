import { importJWK, type JWK, SignJWT } from "jose";
import { serviceTokenIssuer, serviceTokenType, tokenAlgorithm, tokenAudience } from "../call/token-claims.ts";
import type { Clock } from "../environment/clock.ts";
import type { ServiceIdentity } from "../environment/environment.ts";

/** How long a service's own token lasts. Short, since it is made anew for nothing and cannot be revoked. */
const lifetimeMs = 5 * 60_000;
/** A token is replaced after this long, which leaves two more tries before it ends. */
const renewAfterMs = 100_000;

/**
 * Signs a service's own tokens with its private key, a JWK with `kid` (RFC 7517), and renews them in the background, so that
 * no call waits for a signature.
 */
export async function createServiceIdentity(
  name: string,
  { privateKey, clock }: { readonly privateKey: JWK; readonly clock: Clock },
): Promise<ServiceIdentity> {
  const key = await importJWK(privateKey, tokenAlgorithm);
  let current = await sign();
  renewLater();

  function sign(): Promise<string> {
    const nowMs = clock.now();
    return new SignJWT()
      .setProtectedHeader({
        alg: tokenAlgorithm,
        typ: serviceTokenType,
        ...(privateKey.kid ? { kid: privateKey.kid } : {}),
      })
      .setIssuer(serviceTokenIssuer)
      .setSubject(name)
      .setAudience(tokenAudience)
      .setIssuedAt(new Date(nowMs))
      .setExpirationTime(new Date(nowMs + lifetimeMs))
      .sign(key);
  }

  function renewLater(): void {
    clock.after(renewAfterMs, async () => {
      current = await sign();
      renewLater();
    });
  }

  return { name, token: () => current };
}
