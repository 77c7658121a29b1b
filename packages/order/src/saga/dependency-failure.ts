import { Code, ConnectError } from "@connectrpc/connect";
import { neverSent } from "@parley/rpc/client";
import { type Dependency, DependencyError, type DependencyProblem } from "../order-errors.ts";

/** How a call to another service failed. Errors that no call gives are passed on as they are. */
export function dependencyFailure(dependency: Dependency, error: unknown, orderId?: string): DependencyError {
  if (!(error instanceof ConnectError)) throw error;
  const unsent = neverSent(error);
  // Waiting in vain for a connection may end with the deadline, yet what the buyer should know is that the service is away.
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
    // Overloaded, shutting down or contended: as good as away, for now.
    case Code.Unavailable:
    case Code.ResourceExhausted:
    case Code.Aborted:
    case Code.Canceled:
      return "unavailable";
    default:
      return "failed";
  }
}
