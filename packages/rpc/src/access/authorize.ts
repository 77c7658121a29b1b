import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import type { Caller } from "../call/call-context.ts";
import { reasonError } from "../call/reason-error.ts";
import { decideAccess } from "./access-decision.ts";
import { type Owners, ownerFieldValue } from "./owner-field.ts";
import { KeysUnavailableError, TokenRefusedError } from "./token-errors.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** What of a call decides whether it is let in. */
export interface AccessQuestion {
  readonly method: DescMethod;
  /** The `authorization` header. */
  readonly authorization: string | undefined;
  /** The `x-on-behalf-of` header: the token of the user for whom a service calls. */
  readonly onBehalfOf: string | undefined;
  readonly message: Message;
}

/** Lets a call in, answering who calls, or rejects with UNAUTHENTICATED, PERMISSION_DENIED, or UNAVAILABLE where it cannot be told. */
export type Authorize = (question: AccessQuestion) => Promise<Caller | undefined>;

/** Applies the `access` option of the contracts: the one place that decides who may call what. */
export function createAuthorize(verifier: TokenVerifier, owners: Owners): Authorize {
  return async ({ method, authorization, onBehalfOf, message }) => {
    const rule = methodPolicy(method).access;
    if (decideAccess(rule, undefined) === "allowed") {
      // A public method answers everybody, also somebody whose old token is still being sent along.
      return withUser(await bearer(authorization, verifier).catch(nobody), onBehalfOf);
    }
    const caller = await bearer(authorization, verifier).catch(refuse);
    const decision = decideAccess(rule, caller);
    if (caller === undefined || decision === "unauthenticated") {
      throw unauthenticated("TOKEN_MISSING", "the call needs a token: authorization: Bearer <access token>");
    }
    if (decision === "allowed" || (decision === "if-owner" && (await owns(caller, method, message)))) {
      return withUser(caller, onBehalfOf);
    }
    throw permissionDenied(method);
  };

  /** What a service may do does not depend on its user, whose token may have ended on the way: then nobody is named. */
  async function withUser(caller: Caller | undefined, onBehalfOf: string | undefined): Promise<Caller | undefined> {
    if (caller?.kind !== "service" || onBehalfOf === undefined) {
      return caller;
    }
    const user = await bearer(onBehalfOf, verifier).catch(nobody);
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
    // What is not there is nobody's: the method itself then says NOT_FOUND.
    return owner === undefined || owner === caller.id;
  }
}

/** Who a header of the form `Bearer <token>` speaks for (RFC 6750, section 2.1). Undefined where there is none. */
export async function bearer(header: string | undefined, verifier: TokenVerifier): Promise<Caller | undefined> {
  if (header === undefined) {
    return undefined;
  }
  const token = /^Bearer +([^ ]+)$/i.exec(header)?.[1];
  if (token === undefined) {
    throw new TokenRefusedError("the authorization header is not of the form: Bearer <access token>");
  }
  return verifier.verify(token);
}

/** For who need not say who they are: a token that proves nothing, for whatever reason, is as good as none. */
export function nobody(error: unknown): undefined {
  if (!(error instanceof TokenRefusedError) && !(error instanceof KeysUnavailableError)) {
    throw error;
  }
}

/** What a caller is told whose token does not hold. */
export function unauthenticated(reason: string, message: string, cause?: unknown): ConnectError {
  const error = reasonError(Code.Unauthenticated, { reason, message, cause });
  // RFC 9110, section 11.6.1: a 401 says how to do better.
  error.metadata.set("www-authenticate", "Bearer");
  return error;
}

function refuse(error: unknown): never {
  if (error instanceof TokenRefusedError) {
    throw unauthenticated(error.reason, error.message, error);
  }
  if (error instanceof KeysUnavailableError) {
    throw reasonError(Code.Unavailable, {
      reason: "KEYS_UNAVAILABLE",
      message: "the token cannot be checked now",
      retryAfterMs: keysRetryMs,
      cause: error,
    });
  }
  throw error;
}

/** About as long as the user service takes to start. */
const keysRetryMs = 1_000;

function permissionDenied(method: DescMethod): ConnectError {
  return reasonError(Code.PermissionDenied, {
    reason: "PERMISSION_DENIED",
    message: `this caller may not call ${method.name}`,
    metadata: { method: `${method.parent.typeName}/${method.name}` },
  });
}
