import { methodPolicy } from "@parley/contract";
import type { JSONWebKeySet } from "jose";
import { lastForwarded } from "../call/address-group.ts";
import { byCertificate, forwardedByHeader, onBehalfOfHeader, serviceIdentityHeader } from "../call/token-claims.ts";
import type { Clock } from "../environment/clock.ts";
import type { Environment, ServiceIdentity } from "../environment/environment.ts";
import { decideAccess } from "./access-decision.ts";
import { bearer, createAuthorize, noCaller, unauthenticated } from "./authorize.ts";
import { certificateNames, type ServiceOfNames } from "./certificate-identity.ts";
import type { AccessControl, GuardedCall, GuardedServices } from "./guarded-call.ts";
import { readServiceKey, readServiceKeys } from "./key-files.ts";
import { createKeySource } from "./key-source.ts";
import { checkOwnerRules } from "./owner-field.ts";
import { createServiceIdentity } from "./service-identity.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

export interface AccessControlOptions {
  readonly environment: Pick<Environment, "clock" | "log">;
  /** Fetches the keys that the user service publishes (RFC 7517, section 5). */
  readonly loadUserKeys: () => Promise<JSONWebKeySet>;
  /** The file with the public keys of the platform's services, a JWK Set. Read again when a token names an unknown key. */
  readonly serviceKeysFile: string;
  /** The service of a client certificate. Without it certificates authenticate no service. */
  readonly serviceOfNames?: ServiceOfNames | undefined;
}

/**
 * Access control of a module's methods, by their contracts' `access` option. Rejects if the key file cannot be read, or a contract's
 * rule cannot be enforced here.
 */
export async function createAccessControl(
  module: GuardedServices,
  { environment, loadUserKeys, serviceKeysFile, serviceOfNames }: AccessControlOptions,
): Promise<AccessControl> {
  const owners = module.owners ?? {};
  checkOwnerRules(
    module.entries.map(({ service }) => service),
    owners,
  );
  const keys = (of: string, load: () => Promise<JSONWebKeySet>) => createKeySource({ environment, of, load });
  const users = keys("users", module.publishedKeys ?? loadUserKeys);
  const services = keys("services", async () =>
    serviceKeysFile === "" ? { keys: [] } : await readServiceKeys(serviceKeysFile),
  );
  await services.load();
  const verifier = createTokenVerifier({ users: users.find, services: services.find }, environment);
  const authorize = createAuthorize(verifier, owners, { guests: module.guests ?? false });
  const serviceByCertificate = ({ incoming }: Pick<GuardedCall, "incoming">) =>
    serviceOfNames?.(certificateNames(incoming.connection));
  const callerOf = (call: Pick<GuardedCall, "method" | "incoming">) => {
    const { method, incoming } = call;
    const asksForCertificate = incoming.header(serviceIdentityHeader) === byCertificate;
    return authorize.identify(method, {
      authorization: incoming.header("authorization"),
      onBehalfOf: incoming.header(onBehalfOfHeader),
      ...(asksForCertificate ? { certificate: { service: serviceByCertificate(call) } } : {}),
    });
  };
  return {
    async identify(call) {
      call.forwardedFor = (await forwardedFor(call, verifier, serviceByCertificate)) ?? call.forwardedFor;
      return callerOf(call);
    },
    async admit(call) {
      authorize.permit(call.method, await callerOf(call));
    },
    permit(call, caller) {
      authorize.permit(call.method, caller);
      if (caller?.expireTimeMs !== undefined && call.method.methodKind !== "unary" && needsToken(call)) {
        endWithToken(call, { leftMs: caller.expireTimeMs - environment.clock.now() });
      }
    },
    checkOwner: (call, caller, message) => authorize.checkOwner(call.method, caller, message),
  };
}

/** The identity of the service whose private key, a JWK, is in the file. Rejects if it cannot be read. */
export async function readServiceIdentity(
  name: string,
  { keyFile, clock }: { readonly keyFile: string; readonly clock: Clock },
): Promise<ServiceIdentity> {
  return createServiceIdentity(name, { privateKey: await readServiceKey(name, keyFile), clock });
}

/** The origin address of a call, if a gateway of the platform vouches for it. */
async function forwardedFor(
  call: GuardedCall,
  verifier: TokenVerifier,
  serviceByCertificate: (call: GuardedCall) => string | undefined,
): Promise<string | undefined> {
  const { incoming, method } = call;
  const proof = incoming.header(forwardedByHeader);
  const verify = (token: string) => verifier.verifyForwarder(token, method.parent.typeName);
  const isGateway =
    proof === byCertificate
      ? serviceByCertificate(call) !== undefined
      : (await bearer(proof, verify).catch(noCaller))?.kind === "service";
  if (!isGateway) {
    return undefined;
  }
  return lastForwarded(incoming.header("x-forwarded-for"));
}

function needsToken({ method }: GuardedCall): boolean {
  return decideAccess(methodPolicy(method).access, undefined) !== "allowed";
}

/** A stream lasts no longer than the token that opened it: a caller that lost its rights must not continue to listen. */
function endWithToken(call: GuardedCall, { leftMs }: { readonly leftMs: number }): void {
  const cancel = call.after(Math.min(Math.max(leftMs, 0), timerMaxMs), () =>
    call.abort(
      unauthenticated(
        "TOKEN_ENDED",
        "The token that opened the stream has expired. Refresh it and open the stream again.",
      ),
    ),
  );
  call.signal.addEventListener("abort", cancel, { once: true });
}

/** Node's timers count no further. */
const timerMaxMs = 2 ** 31 - 1;
