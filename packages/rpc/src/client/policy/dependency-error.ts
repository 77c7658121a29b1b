import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError, reasonOf } from "../../call/reason-error.ts";
import { deliveryStatusOf, markDeliveryStatus } from "../call/attempt-outcome.ts";

/** The reason of an UNAVAILABLE about a called service: its metadata has `service` and `target`. */
export const dependencyUnavailable = "DEPENDENCY_UNAVAILABLE";

/** The called service and its target. */
export interface Dependency {
  readonly service: string;
  readonly target: string;
}

/** The error of a call that an open breaker stopped. */
export function breakerOpenError(dependency: Dependency, retryAfterMs: number): ConnectError {
  const error = reasonError(Code.Unavailable, {
    reason: dependencyUnavailable,
    message: `${dependency.service} at ${dependency.target} is unavailable: its circuit breaker is open, because too many calls failed. Try again.`,
    metadata: { ...dependency },
    retryAfterMs,
  });
  return markDeliveryStatus(error, "breaker-open");
}

/** An UNAVAILABLE that names the dependency. Other errors, and those with their own reason, stay unchanged. */
export function nameDependency(error: ConnectError, dependency: Dependency): ConnectError {
  if (error.code !== Code.Unavailable || reasonOf(error) !== undefined) {
    return error;
  }
  const named = reasonError(Code.Unavailable, {
    reason: dependencyUnavailable,
    message: `${dependency.service} at ${dependency.target} is unavailable: ${error.rawMessage.replace(`cannot connect to ${dependency.target}: `, "")}`,
    metadata: { ...dependency },
    cause: error,
  });
  named.details.push(...error.details);
  for (const [name, value] of error.metadata) {
    named.metadata.append(name, value);
  }
  return markDeliveryStatus(named, deliveryStatusOf(error));
}
