import type { AccessRule } from "@parley/contract";
import { Caller as Allowed } from "@parley/gen/rpc/v1/options_pb.js";
import type { Caller } from "../call/call-context.ts";

/** What a rule says of a caller. "if-owner": only where the thing that the call is about is the caller's. */
export type AccessDecision = "allowed" | "denied" | "unauthenticated" | "if-owner";

/** Applies a method's `access` option (rpc/v1/options.proto) to a caller; undefined is a caller without a token. */
export function decideAccess(rule: AccessRule, caller: Caller | undefined): AccessDecision {
  if (rule.caller === Allowed.PUBLIC) {
    return "allowed";
  }
  if (caller === undefined) {
    return "unauthenticated";
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

/** A service's own token gives the rights that the contract names it for, and no others: not those of an admin above all. */
function decideService({ caller, services }: AccessRule, name: string): AccessDecision {
  const forServices = caller === Allowed.SERVICE || caller === Allowed.UNSPECIFIED;
  return services.includes(name) || (forServices && services.length === 0) ? "allowed" : "denied";
}
