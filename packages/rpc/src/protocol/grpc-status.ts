import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Status, StatusSchema } from "@parley/gen/google/rpc/status_pb.js";
import { decodeBinaryValue, encodeBinaryValue } from "./binary-metadata.ts";
import { codeFromGrpcStatus } from "./codes.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "./percent-encoding.ts";

/** Writes an error as gRPC's trailers: `grpc-status`, `grpc-message`, and `grpc-status-details-bin` if it has details. */
export function writeGrpcStatus(
  error: ConnectError,
  target: Record<string, string | string[] | number | undefined>,
): void {
  target["grpc-status"] = String(error.code);
  target["grpc-message"] = encodeGrpcMessage(error.rawMessage);
  if (error.details.length > 0) {
    target["grpc-status-details-bin"] = encodeBinaryValue(toBinary(StatusSchema, statusOfError(error)));
  }
}

/** An error as a message (google.rpc.Status). */
export function statusOfError(error: ConnectError): Status {
  const details = error.details.map((detail) =>
    "desc" in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
  );
  return create(StatusSchema, { code: error.code, message: error.rawMessage, details });
}

/** The error that a message tells of. One that says OK, or no code that there is, is an error all the same. */
export function errorOfStatus(status: Status): ConnectError {
  const code = codeFromGrpcStatus(String(status.code));
  const error = new ConnectError(status.message, code === undefined || code === "ok" ? Code.Unknown : code);
  error.details = incomingDetails(status);
  return error;
}

/** gRPC's trailers, as they came. */
export interface GrpcTrailers {
  readonly "grpc-status"?: string | undefined;
  readonly "grpc-message"?: string | undefined;
  readonly "grpc-status-details-bin"?: string | undefined;
}

/**
 * Reads the error out of gRPC's trailers; undefined where they say OK. Trailers with no `grpc-status`, or one that is no
 * code, are an error too. `metadata` goes with the error.
 */
export function readGrpcStatus(trailers: GrpcTrailers, metadata: () => Headers): ConnectError | undefined {
  const text = trailers["grpc-status"];
  if (text === "0") {
    return undefined;
  }
  if (text === undefined) {
    return new ConnectError("protocol error: missing grpc-status", Code.Internal, metadata());
  }
  const code = codeFromGrpcStatus(text);
  if (code === undefined || code === "ok") {
    return new ConnectError(`protocol error: invalid grpc-status: ${text}`, Code.Unknown, metadata());
  }
  const error = new ConnectError(decodeGrpcMessage(trailers["grpc-message"] ?? ""), code, metadata());
  error.isWireError = true;
  return withDetails(error, trailers["grpc-status-details-bin"]);
}

/** Details that cannot be read are left out: the status and the words stand without them. */
function withDetails(error: ConnectError, encoded: string | undefined): ConnectError {
  const bytes = encoded === undefined ? undefined : decodeBinaryValue(encoded);
  if (bytes === undefined) {
    return error;
  }
  let status: Status;
  try {
    status = fromBinary(StatusSchema, bytes);
  } catch {
    return error;
  }
  // Code and words are in the details as well. Those win, as in connect-go: percent-encoding has not touched them.
  const code = codeFromGrpcStatus(String(status.code));
  const same = code === error.code || code === undefined || code === "ok";
  const detailed = same ? error : new ConnectError(status.message, code, error.metadata);
  detailed.isWireError = true;
  detailed.details = incomingDetails(status);
  return detailed;
}

function incomingDetails({ details }: Status): ConnectError["details"] {
  return details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value }));
}
