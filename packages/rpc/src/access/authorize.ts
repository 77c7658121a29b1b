import type { DescField, DescMethod, Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Caller } from "../call/call-context.ts";
import { reasonError } from "../call/reason-error.ts";
import { type AccessRule, methodPolicy } from "../contract/method-policy.ts";
import { decideAccess } from "./access-decision.ts";
import { TokenRefusedError, type TokenVerifier } from "./token-verifier.ts";

/** Whose a thing is, by the kind of thing: given its id, the owner's user id, or undefined where there is no such thing. */
export type Owners = Readonly<Record<string, (id: string) => Promise<string | undefined>>>;

/** What of a call decides whether it is let in. */
export interface AccessQuestion {
  readonly method: DescMethod;
  /** The `authorization` header. */
  readonly authorization: string | undefined;
  /** The `x-on-behalf-of` header: the token of the user for whom a service calls. */
  readonly onBehalfOf: string | undefined;
  readonly message: Message;
}

/** Lets a call in, answering who calls, or rejects with UNAUTHENTICATED or PERMISSION_DENIED. */
export type Authorize = (question: AccessQuestion) => Promise<Caller | undefined>;

/** Applies the `access` option of the contracts: the one place that decides who may call what. */
export function createAuthorize(verifier: TokenVerifier, owners: Owners): Authorize {
  return async ({ method, authorization, onBehalfOf, message }) => {
    const rule = methodPolicy(method).access;
    if (decideAccess(rule, undefined) === "allowed") {
      // A public method answers everybody, also somebody whose old token is still being sent along.
      return await callerOf(authorization).catch(ignoreRefusal);
    }
    const caller = await callerOf(authorization).catch(refuse);
    const decision = decideAccess(rule, caller);
    if (decision === "unauthenticated" || caller === undefined) {
      throw unauthenticated("the call needs a token: authorization: Bearer <access token>");
    }
    if (decision === "denied" || (decision === "if-owner" && !(await owns(caller, { method, rule, message })))) {
      throw permissionDenied(method);
    }
    if (caller.kind !== "service" || onBehalfOf === undefined) {
      return caller;
    }
    const user = await callerOf(onBehalfOf).catch(refuse);
    return user === undefined ? caller : { ...caller, onBehalfOf: user };
  };

  async function callerOf(header: string | undefined): Promise<Caller | undefined> {
    if (header === undefined) {
      return undefined;
    }
    const token = /^Bearer +([^ ]+)$/i.exec(header)?.[1];
    if (token === undefined) {
      throw new TokenRefusedError("the authorization header is not of the form: Bearer <access token>");
    }
    return verifier.verify(token);
  }

  async function owns(caller: Caller, question: OwnerQuestion): Promise<boolean> {
    const value = ownerFieldValue(question);
    if (question.rule.ownerOf === "") {
      return value !== "" && value === caller.id;
    }
    const owner = await owners[question.rule.ownerOf]?.(value);
    // What is not there is nobody's: the method itself then says NOT_FOUND.
    return owner === undefined || owner === caller.id;
  }
}

interface OwnerQuestion {
  readonly method: DescMethod;
  readonly rule: AccessRule;
  readonly message: Message;
}

/** The value at the rule's path, for example `user.id`. Empty where a message on the way is not set. */
function ownerFieldValue({ method, rule, message }: OwnerQuestion): string {
  let value: unknown = message;
  for (const field of ownerPath(method, rule)) {
    value = (value as Record<string, unknown> | undefined)?.[field.localName];
  }
  return typeof value === "string" ? value : "";
}

const ownerPaths = new WeakMap<DescMethod, readonly DescField[]>();

function ownerPath(method: DescMethod, rule: AccessRule): readonly DescField[] {
  const known = ownerPaths.get(method);
  if (known !== undefined) {
    return known;
  }
  const path: DescField[] = [];
  let message = method.input;
  for (const name of rule.ownerField.split(".")) {
    const field = message.fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      throw new Error(`${method.parent.typeName}/${method.name}: owner_field ${rule.ownerField} names no field`);
    }
    path.push(field);
    message = field.message ?? message;
  }
  ownerPaths.set(method, path);
  return path;
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof TokenRefusedError)) {
    throw error;
  }
}

function refuse(error: unknown): never {
  throw error instanceof TokenRefusedError ? unauthenticated(error.message, error) : error;
}

function unauthenticated(message: string, cause?: unknown): ConnectError {
  return reasonError(Code.Unauthenticated, { reason: "UNAUTHENTICATED", message, cause });
}

function permissionDenied(method: DescMethod): ConnectError {
  return reasonError(Code.PermissionDenied, {
    reason: "PERMISSION_DENIED",
    message: `this caller may not call ${method.name}`,
    metadata: { method: `${method.parent.typeName}/${method.name}` },
  });
}
