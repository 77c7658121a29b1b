import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "@parley/gen/google/rpc/status_pb.js";
import { decodeBinaryValue, encodeBinaryValue } from "./binary-metadata.ts";
import { codeFromGrpcStatus } from "./codes.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "./percent-encoding.ts";

type Fields = Record<string, string | string[] | number | undefined>;

/**
 * Encodes an error as gRPC's trailers: `grpc-status`, `grpc-message`, and `grpc-status-details-bin` if it has details. To fit into a list of
 * `bytesMax` (RFC 9113, section 6.5.2) together with `target`, parts are left out: first details, the links before the fields and those before the
 * reason; then metadata; then the end of the message.
 */
export function writeGrpcStatus(error: ConnectError, target: Fields, bytesMax = Number.POSITIVE_INFINITY): void {
  writeStatus(error, target, error.details);
  if (bytesMax !== Number.POSITIVE_INFINITY && headerListBytes(target) > bytesMax) {
    writeShortStatus(error, target, bytesMax);
  }
}

function writeStatus(error: ConnectError, target: Fields, details: ConnectError["details"]): void {
  target["grpc-status"] = String(error.code);
  target["grpc-message"] = encodeGrpcMessage(error.rawMessage);
  if (details.length > 0) {
    target["grpc-status-details-bin"] = encodeBinaryValue(toBinary(StatusSchema, statusOfError(error, details)));
  }
}

/** The details that are kept if not all fit, most useful last. */
const kept: readonly ReadonlySet<string>[] = [
  new Set([ErrorInfoSchema.typeName, RetryInfoSchema.typeName, BadRequestSchema.typeName]),
  new Set([ErrorInfoSchema.typeName, RetryInfoSchema.typeName]),
  new Set([ErrorInfoSchema.typeName]),
];

function writeShortStatus(error: ConnectError, target: Fields, bytesMax: number): void {
  for (const types of kept) {
    delete target["grpc-status-details-bin"];
    writeStatus(
      error,
      target,
      error.details.filter((detail) => types.has("desc" in detail ? detail.desc.typeName : detail.type)),
    );
    if (headerListBytes(target) <= bytesMax) {
      return;
    }
  }
  delete target["grpc-status-details-bin"];
  if (headerListBytes(target) > bytesMax) {
    for (const name of Object.keys(target)) {
      if (!name.startsWith("grpc-")) {
        delete target[name];
      }
    }
  }
  shortenMessage(error, target, bytesMax);
}

function shortenMessage(error: ConnectError, target: Fields, bytesMax: number): void {
  // An encoded character takes at most twelve bytes.
  for (let characters = [...error.rawMessage]; headerListBytes(target) > bytesMax; ) {
    if (characters.length === 0) {
      delete target["grpc-message"];
      return;
    }
    const overBytes = headerListBytes(target) - bytesMax;
    characters = characters.slice(0, Math.max(0, characters.length - Math.ceil(overBytes / 12) - 1));
    target["grpc-message"] = characters.length === 0 ? "" : encodeGrpcMessage(`${characters.join("")}…`);
  }
}

/** The size of a list of headers (RFC 9113, section 6.5.2). */
export function headerListBytes(fields: Fields): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(fields)) {
    for (const each of value === undefined ? [] : [value].flat()) {
      bytes += name.length + String(each).length + fieldOverheadBytes;
    }
  }
  return bytes;
}

const fieldOverheadBytes = 32;

/** An error as a message (google.rpc.Status). */
export function statusOfError(error: ConnectError, of = error.details): Status {
  const details = of.map((detail) =>
    "desc" in detail
      ? anyPack(detail.desc, create(detail.desc, detail.value))
      : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
  );
  return create(StatusSchema, { code: error.code, message: error.rawMessage, details });
}

/** The error in a message. OK, or an unknown code, is an error all the same. */
export function errorOfStatus(status: Status): ConnectError {
  const code = codeFromGrpcStatus(String(status.code));
  const error = new ConnectError(status.message, code === undefined || code === "ok" ? Code.Unknown : code);
  error.details = incomingDetails(status);
  return error;
}

/** gRPC's trailers, as received. */
export interface GrpcTrailers {
  readonly "grpc-status"?: string | undefined;
  readonly "grpc-message"?: string | undefined;
  readonly "grpc-status-details-bin"?: string | undefined;
}

/**
 * Decodes the error in gRPC's trailers; undefined if they are OK. Trailers without a `grpc-status`, or with an unknown
 * one, are an error too. `metadata` is added to the error.
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

/** Undecodable details are left out: the status and the message remain. */
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
  // The details contain code and message as well. Those win, as in connect-go: they were not percent-encoded.
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
