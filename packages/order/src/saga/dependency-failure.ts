import { Code, ConnectError } from "@connectrpc/connect";
import { neverSent } from "@parley/rpc/client";
import { type Dependency, DependencyError, type DependencyProblem } from "../order-errors.ts";

/** The kind of a failed call to another service. Other errors are passed on. */
export function dependencyFailure(dependency: Dependency, error: unknown, orderId?: string): DependencyError {
  if (!(error instanceof ConnectError)) throw error;
  const unsent = neverSent(error);
  // Waiting for a connection may end with the deadline, but the buyer should learn that the service is down.
  return new DependencyError(dependency, unsent ? "unavailable" : problemOf(error.code), {
    neverSent: unsent,
    cause: error,
    ...(orderId === undefined ? {} : { orderId }),
  });
}

function problemOf(code: Code): DependencyProblem {
  switch (code) {
    case Code.DeadlineExceeded:
      return "timed-out";
    // Overloaded, shutting down or contended: unavailable for now.
    case Code.Unavailable:
    case Code.ResourceExhausted:
    case Code.Aborted:
    case Code.Canceled:
      return "unavailable";
    default:
      return "failed";
  }
}
