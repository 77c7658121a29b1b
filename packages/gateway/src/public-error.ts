import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { reasonError, reasonOf } from "@parley/rpc";
import { errorDetailTypes } from "@parley/rpc/server";

/**
 * A service's error as outside callers get it. Errors for the caller are forwarded; in errors about the platform itself, addresses and
 * causes are removed: UNAVAILABLE names the service and the retry delay, INTERNAL and
 * the like contain only the request id. A service that cancels a call whose caller still waits is UNAVAILABLE.
 */
export function publicError(
  reason: unknown,
  { signal, service }: Pick<HandlerContext, "signal" | "service">,
): ConnectError {
  const error = ConnectError.from(reason);
  switch (error.code) {
    case Code.Unavailable:
      return unavailable(error);
    case Code.Canceled:
      return signal.aborted ? withoutMetadata(error) : unavailable(error, service.typeName);
    case Code.Internal:
    case Code.Unknown:
    case Code.DataLoss:
      return internal(error);
    default:
      return withoutMetadata(error);
  }
}

/** The default retry delay: about the start time of a service. */
const retryAfterDefaultMs = 1_000;

function unavailable(error: ConnectError, forwardedTo?: string): ConnectError {
  const { reason = "DEPENDENCY_UNAVAILABLE", metadata = {} } = reasonOf(error) ?? {};
  const { target: _address, service = forwardedTo, ...rest } = metadata;
  return reasonError(Code.Unavailable, {
    reason,
    message: `${service ?? "A required service"} is unavailable. Try again.`,
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

/** The headers of a service's response are not for the gateway's caller. */
function withoutMetadata(error: ConnectError): ConnectError {
  const stripped = new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
  stripped.details = error.details.map(readableDetail);
  return stripped;
}

/** Decodes a detail that arrived as bytes, so that Connect writes its fields in JSON, as the service itself does. */
function readableDetail(detail: ConnectError["details"][number]): ConnectError["details"][number] {
  const desc = "type" in detail ? errorDetailTypes.getMessage(detail.type) : undefined;
  return desc === undefined || !("type" in detail) ? detail : { desc, value: fromBinary(desc, detail.value) };
}
