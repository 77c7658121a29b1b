import type { AccessRule } from "@parley/contract";
import { Caller as Allowed } from "@parley/gen/rpc/v1/options_pb.js";
import type { Caller } from "../call/call-context.ts";

/**
 * A rule's decision for a caller. "if-owner": only if the caller owns the resource. "if-unowned": a guest, only if the request names no owner.
 */
export type AccessDecision = "allowed" | "denied" | "unauthenticated" | "if-owner" | "if-unowned";

export interface AccessDecisionOptions {
  /** Whether the server accepts guests: callers without a token, where the contract allows them. Default: false. */
  readonly guests?: boolean;
}

/** Applies a method's `access` option (rpc/v1/options.proto) to a caller; undefined is a caller without a token. */
export function decideAccess(
  rule: AccessRule,
  caller: Caller | undefined,
  { guests = false }: AccessDecisionOptions = {},
): AccessDecision {
  if (rule.caller === Allowed.PUBLIC) {
    return "allowed";
  }
  if (caller === undefined) {
    // Where the owner is looked up by a resource's id, a request always concerns a resource.
    const takesGuests = guests && rule.guests && rule.caller === Allowed.OWNER && rule.ownerOf === "";
    return takesGuests ? "if-unowned" : "unauthenticated";
  }
  if (caller.kind === "service") {
    return decideService(rule, caller.id);
  }
  switch (rule.caller) {
    case Allowed.SIGNED_IN:
      return "allowed";
    case Allowed.OWNER:
      return caller.kind === "admin" ? "allowed" : "if-owner";
    case Allowed.ADMIN:
      return caller.kind === "admin" ? "allowed" : "denied";
    default:
      return "denied";
  }
}

/** A service's own token gives only the rights for which the contract names it. It never gives an admin's. */
function decideService({ caller, services }: AccessRule, name: string): AccessDecision {
  const forServices = caller === Allowed.SERVICE || caller === Allowed.UNSPECIFIED;
  return services.includes(name) || (forServices && services.length === 0) ? "allowed" : "denied";
}
