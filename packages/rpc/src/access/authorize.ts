import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import { Caller as Allowed } from "@parley/gen/rpc/v1/options_pb.js";
import type { Caller } from "../call/call-context.ts";
import { reasonError } from "../call/reason-error.ts";
import { type AccessDecisionOptions, decideAccess } from "./access-decision.ts";
import { type Owners, ownerFieldValue } from "./owner-field.ts";
import { KeysUnavailableError, TokenRefusedError } from "./token-errors.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** The headers that identify a call's caller. */
export interface Credentials {
  /** The `authorization` header. */
  readonly authorization: string | undefined;
  /** The `x-on-behalf-of` header: the token of the user for whom a service calls. */
  readonly onBehalfOf: string | undefined;
  /** If the call asks for identification by its TLS certificate: the certificate's service, if any. */
  readonly certificate?: { readonly service: string | undefined };
}

/**
 * Applies the contracts' `access` option in three steps, each as early as possible: the first two need only a call's
 * headers and method, the third its decoded and validated request.
 */
export interface Authorize {
  /**
   * Authenticates the caller. Undefined if there is no token. Rejects with UNAUTHENTICATED if the token is refused, and with
   * UNAVAILABLE if the keys to verify it cannot be fetched; never for a public method.
   */
  identify(method: DescMethod, credentials: Credentials): Promise<Caller | undefined>;
  /** Throws UNAUTHENTICATED if the method requires a token, PERMISSION_DENIED if the caller's role may not call the method. */
  permit(method: DescMethod, caller: Caller | undefined): void;
  /** Rejects with PERMISSION_DENIED if the request concerns another user's resource. Undefined if there is nothing to check. */
  checkOwner(method: DescMethod, caller: Caller | undefined, message: Message): Promise<void> | undefined;
}

/** The one place that decides permissions. */
export function createAuthorize(
  verifier: TokenVerifier,
  owners: Owners,
  { guests = false }: AccessDecisionOptions = {},
): Authorize {
  const verify = (method: DescMethod) => (token: string) => verifier.verify(token, method.parent.typeName);
  return {
    async identify(method, { authorization, onBehalfOf, certificate }) {
      // A public method accepts every caller, also one that still sends an expired token.
      const open = decideAccess(methodPolicy(method).access, undefined) === "allowed";
      const proven =
        authorization === undefined && certificate !== undefined
          ? serviceOf(certificate)
          : bearer(authorization, verify(method));
      return withUser(await proven.catch(open ? noCaller : refuse), onBehalfOf, method);
    },
    permit(method, caller) {
      const decision = decideAccess(methodPolicy(method).access, caller, { guests });
      if (decision === "unauthenticated") {
        throw tokenMissing();
      }
      if (decision === "denied") {
        throw permissionDenied(method);
      }
    },
    checkOwner(method, caller, message) {
      const decision = decideAccess(methodPolicy(method).access, caller, { guests });
      if (decision === "if-unowned" && ownerFieldValue(method, message) !== "") {
        return Promise.reject(tokenMissing());
      }
      if (caller === undefined || decision !== "if-owner") {
        return undefined;
      }
      return owns(caller, method, message).then((isOwner) => {
        if (!isOwner) {
          const { ownerField } = methodPolicy(method).access;
          const isEmpty = ownerFieldValue(method, message) === "";
          throw permissionDenied(method, isEmpty ? ` \`${ownerField}\` is empty: set it to your own id.` : "");
        }
      });
    },
  };

  /** A service's rights do not depend on its user, whose token may have expired: then no user is named. */
  async function withUser(
    caller: Caller | undefined,
    onBehalfOf: string | undefined,
    method: DescMethod,
  ): Promise<Caller | undefined> {
    if (caller?.kind !== "service" || onBehalfOf === undefined) {
      return caller;
    }
    const user = await bearer(onBehalfOf, verify(method)).catch(noCaller);
    return user === undefined || user.kind === "service" ? caller : { ...caller, onBehalfOf: user };
  }

  async function owns(caller: Caller, method: DescMethod, message: Message): Promise<boolean> {
    const value = ownerFieldValue(method, message);
    const { ownerOf } = methodPolicy(method).access;
    if (ownerOf === "") {
      return value !== "" && value === caller.id;
    }
    const ownerOfThing = owners[ownerOf];
    if (ownerOfThing === undefined) {
      return false;
    }
    const owner = await ownerOfThing(value);
    // A missing resource has no owner: the method itself answers NOT_FOUND.
    return owner === undefined || owner === caller.id;
  }
}

/** The service that a certificate proves. */
async function serviceOf({ service }: { readonly service: string | undefined }): Promise<Caller> {
  if (service === undefined) {
    throw new TokenRefusedError(
      "the TLS certificate names no service: see TLS_SERVICE_NAMES, and the certificate's subject alternative names",
    );
  }
  return { kind: "service", id: service };
}

/** The caller of a header `Bearer <token>` (RFC 6750, section 2.1). Undefined if there is none. */
export async function bearer(
  header: string | undefined,
  verify: (token: string) => Promise<Caller>,
): Promise<Caller | undefined> {
  if (header === undefined) {
    return undefined;
  }
  const token = /^Bearer +([^ ]+)$/i.exec(header)?.[1];
  if (token === undefined) {
    throw new TokenRefusedError("The header authorization is not of the form Bearer <access token>.");
  }
  return verify(token);
}

/** For methods that need no caller: treats an invalid or unverifiable token as none. Throws other errors. */
export function noCaller(error: unknown): undefined {
  if (!(error instanceof TokenRefusedError) && !(error instanceof KeysUnavailableError)) {
    throw error;
  }
}

/** The error for an invalid token. */
export function unauthenticated(reason: string, message: string, cause?: unknown): ConnectError {
  const error = reasonError(Code.Unauthenticated, { reason, message, cause });
  // RFC 9110, section 11.6.1: a 401 has a challenge.
  error.metadata.set("www-authenticate", "Bearer");
  return error;
}

function tokenMissing(): ConnectError {
  return unauthenticated(
    "TOKEN_MISSING",
    "The call needs an access token. Sign in, and send it as the header authorization: Bearer <access token>.",
  );
}

function refuse(error: unknown): never {
  if (error instanceof TokenRefusedError) {
    throw unauthenticated(error.reason, error.message, error);
  }
  if (error instanceof KeysUnavailableError) {
    throw reasonError(Code.Unavailable, {
      reason: "KEYS_UNAVAILABLE",
      message: "The token cannot be checked now, since the keys of the user service cannot be fetched. Try again.",
      retryAfterMs: keysRetryMs,
      cause: error,
    });
  }
  throw error;
}

/** About the start time of the user service. */
const keysRetryMs = 1_000;

/** The callers that may call a method, by its `access` option. */
function allowedCallers(method: DescMethod): string {
  const { caller, services } = methodPolicy(method).access;
  const named = services.length === 0 ? "" : ` and the services ${services.join(", ")}`;
  switch (caller) {
    case Allowed.OWNER:
      return `Only the owner, an administrator${named}`;
    case Allowed.ADMIN:
      return `Only an administrator${named}`;
    case Allowed.SIGNED_IN:
      return `Only signed-in users${named}`;
    default:
      return services.length === 0 ? "Only services" : `Only the services ${services.join(", ")}`;
  }
}

function permissionDenied(method: DescMethod, hint = ""): ConnectError {
  return reasonError(Code.PermissionDenied, {
    reason: "PERMISSION_DENIED",
    message: `${allowedCallers(method)} may call ${method.parent.typeName}/${method.name}.${hint}`,
    metadata: { method: `${method.parent.typeName}/${method.name}` },
  });
}
