import { Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonError, reasonOf } from "@parley/rpc";

/**
 * What the world is told of a service's error. What the service meant for its caller goes through; where the error is about
 * the platform itself, addresses and causes stay inside: UNAVAILABLE says which service and when to try again, INTERNAL and
 * the like say nothing but the request id.
 */
export function publicError(reason: unknown): ConnectError {
  const error = ConnectError.from(reason);
  switch (error.code) {
    case Code.Unavailable:
      return unavailable(error);
    case Code.Internal:
    case Code.Unknown:
    case Code.DataLoss:
      return internal(error);
    default:
      return withoutMetadata(error);
  }
}

/** What a caller is told to wait where nobody knows better: about as long as a service takes to start. */
const retryAfterDefaultMs = 1_000;

function unavailable(error: ConnectError): ConnectError {
  const { reason = "DEPENDENCY_UNAVAILABLE", metadata = {} } = reasonOf(error) ?? {};
  const { target: _address, service, ...rest } = metadata;
  return reasonError(Code.Unavailable, {
    reason,
    message: `${service ?? "A service that is needed"} is unavailable. Try again.`,
    metadata: { ...rest, ...(service === undefined ? {} : { service }) },
    retryAfterMs: retryAfterMs(error) ?? retryAfterDefaultMs,
    cause: error,
  });
}

function retryAfterMs(error: ConnectError): number | undefined {
  const [delay] = error.findDetails(RetryInfoSchema).map((info) => info.retryDelay);
  return delay === undefined ? undefined : Math.ceil(Number(delay.seconds) * 1000 + delay.nanos / 1e6);
}

function internal(error: ConnectError): ConnectError {
  const requestId = reasonOf(error)?.metadata.requestId;
  return reasonError(Code.Internal, {
    reason: "INTERNAL",
    message:
      requestId === undefined ? "Internal error." : `Internal error. Report it with the request id ${requestId}.`,
    metadata: requestId === undefined ? {} : { requestId },
    cause: error,
  });
}

/** The headers that a service answered with are between it and the door. */
function withoutMetadata(error: ConnectError): ConnectError {
  const told = new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
  told.details = error.details;
  return told;
}
