import { readFile } from "node:fs/promises";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";
import type { Clock } from "../environment/clock.ts";
import type { AuthorizeCall } from "../server/call-pipeline.ts";
import type { ServiceModule } from "../server/service-module.ts";
import { createAuthorize } from "./authorize.ts";
import { createServiceIdentity, type ServiceIdentity } from "./service-identity.ts";
import { onBehalfOfHeader } from "./token-claims.ts";
import { createTokenVerifier } from "./token-verifier.ts";

/** How long public keys are kept before they are asked for again. */
const keysMaxAgeMs = 5 * 60_000;
/** The shortest time between two requests for keys, so that tokens with made-up key ids cannot flood the user service. */
const keysCooldownMs = 10_000;
/** How long asking for keys may take. */
const keysTimeoutMs = 2_000;

export interface AccessControlOptions {
  readonly clock: Clock;
  /** Where the user service publishes its keys (RFC 7517, section 5). */
  readonly userKeysUrl: URL;
  /** The file with the public keys of the platform's services, a JWK Set. */
  readonly serviceKeysFile: string;
}

/** Who may call a module's methods, by their contracts' `access` option. Rejects where the key file cannot be read. */
export async function createAccessControl(
  module: Pick<ServiceModule, "owners" | "publishedKeys">,
  { clock, userKeysUrl, serviceKeysFile }: AccessControlOptions,
): Promise<AuthorizeCall> {
  const services = createLocalJWKSet(await readJson<JSONWebKeySet>(serviceKeysFile));
  const users =
    module.publishedKeys === undefined
      ? createRemoteJWKSet(userKeysUrl, {
          cacheMaxAge: keysMaxAgeMs,
          cooldownDuration: keysCooldownMs,
          timeoutDuration: keysTimeoutMs,
        })
      : ownKeys(module.publishedKeys);
  const authorize = createAuthorize(createTokenVerifier({ users, services }, { clock }), module.owners ?? {});
  return (call, message) =>
    authorize({
      method: call.method,
      authorization: call.incoming.header("authorization"),
      onBehalfOf: call.incoming.header(onBehalfOfHeader),
      message,
    });
}

/** The identity of the service whose private key, a JWK, is in the file. Rejects where it cannot be read. */
export async function readServiceIdentity(
  name: string,
  { keyFile, clock }: { readonly keyFile: string; readonly clock: Clock },
): Promise<ServiceIdentity> {
  return createServiceIdentity(name, { privateKey: await readJson<JWK>(keyFile), clock });
}

/** The keys of the service that publishes them: a key that it just made counts at once. */
function ownKeys(published: () => Promise<JSONWebKeySet>): JWTVerifyGetKey {
  let known: ReturnType<typeof createLocalJWKSet> | undefined;
  return async (header, token) => {
    try {
      if (known !== undefined) {
        return await known(header, token);
      }
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) {
        throw error;
      }
    }
    known = createLocalJWKSet(await published());
    return known(header, token);
  };
}

async function readJson<T>(file: string): Promise<T> {
  const text = await readFile(file, "utf8");
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Error(`${file} holds no key: it cannot be read as JSON`, { cause: error });
  }
}
