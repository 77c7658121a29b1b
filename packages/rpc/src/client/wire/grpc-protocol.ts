import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus } from "../../protocol/codes.ts";
import {
  compressedFlag,
  encodeEnvelope,
  envelopeHeaderBytes,
  promisedBytes,
  readEnvelope,
} from "../../protocol/envelope.ts";
import { readGrpcStatus } from "../../protocol/grpc-status.ts";
import { headersFromNode } from "../../protocol/metadata.ts";
import { formatGrpcTimeout } from "../../protocol/timeouts.ts";
import { gunzip, gzip, tooLarge } from "./gzip.ts";
import type { HttpAnswer, NodeFields } from "./unary-answer.ts";
import { fieldOf, type IncomingMessage, type UnaryProtocol, type WireOptions } from "./unary-protocol.ts";

/** gRPC over HTTP/2, unary (gRPC's PROTOCOL-HTTP2). */
export function grpcProtocol(options: WireOptions): UnaryProtocol {
  const contentType = `application/grpc+${options.codec}`;
  const acceptedTypes = new Set(options.codec === "proto" ? [contentType, "application/grpc"] : [contentType]);
  return {
    fields: [
      "content-type",
      contentType,
      "te",
      "trailers",
      "user-agent",
      options.userAgent,
      ...(options.acceptGzip ? ["grpc-accept-encoding", "gzip"] : []),
      ...(options.sendGzip ? ["grpc-encoding", "gzip"] : []),
    ],
    timeoutName: "grpc-timeout",
    formatTimeout: formatGrpcTimeout,
    bodyBytesMax: options.readBytesMax + envelopeHeaderBytes,
    frame(message) {
      const compress = options.sendGzip && message.length >= options.gzipBytesMin;
      return {
        bytes: compress ? encodeEnvelope(compressedFlag, gzip(message)) : encodeEnvelope(0, message),
        fields: noFields,
      };
    },
    read: (answer) => readAnswer(answer, acceptedTypes, options),
  };
}

const noFields: readonly string[] = [];
const noTrailers: NodeFields = {};

function readAnswer(answer: HttpAnswer, acceptedTypes: ReadonlySet<string>, options: WireOptions): IncomingMessage {
  const { status, headers } = answer;
  if (status !== 200) {
    throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), headersFromNode(headers));
  }
  const contentType = fieldOf(headers, "content-type") ?? "";
  if (!acceptedTypes.has(contentType)) {
    const code = /^application\/grpc(\+|$)/.test(contentType) ? Code.Internal : Code.Unknown;
    throw new ConnectError(`unsupported content type ${JSON.stringify(contentType)}`, code, headersFromNode(headers));
  }
  // With nothing after the headers, the status is among them: a "Trailers-Only" response.
  const trailersOnly =
    headers["grpc-status"] !== undefined && answer.body.length === 0 && Object.keys(answer.trailers).length === 0;
  const error = readStatus(trailersOnly ? headers : answer.trailers, headers, trailersOnly);
  if (error !== undefined) {
    throw error;
  }
  const bytes = readMessage(answer.body, fieldOf(headers, "grpc-encoding")?.toLowerCase(), options);
  return { bytes, header: headers, trailer: trailersOnly ? noTrailers : answer.trailers };
}

function readStatus(fields: NodeFields, headers: NodeFields, trailersOnly: boolean): ConnectError | undefined {
  const status = fieldOf(fields, "grpc-status");
  if (status === "0") {
    return undefined;
  }
  const trailers = {
    "grpc-status": status,
    "grpc-message": fieldOf(fields, "grpc-message"),
    "grpc-status-details-bin": fieldOf(fields, "grpc-status-details-bin"),
  };
  return readGrpcStatus(trailers, () => {
    const metadata = headersFromNode(fields);
    if (!trailersOnly) {
      for (const [name, value] of headersFromNode(headers)) {
        metadata.append(name, value);
      }
    }
    return metadata;
  });
}

function readMessage(body: Buffer, encoding: string | undefined, { readBytesMax }: WireOptions): Buffer {
  if (encoding !== undefined && encoding !== "identity" && encoding !== "gzip") {
    throw new ConnectError(`unsupported response encoding ${JSON.stringify(encoding)}`, Code.Internal);
  }
  if (body.length === 0) {
    throw new ConnectError("protocol error: missing output message for unary method", Code.Unimplemented);
  }
  const envelope = readEnvelope(body, 0);
  if (envelope === undefined) {
    const promised = promisedBytes(body, 0);
    if (promised !== undefined && promised > readBytesMax) {
      throw tooLarge(readBytesMax);
    }
    throw new ConnectError("protocol error: the response body ends inside a message", Code.InvalidArgument);
  }
  if (envelope.end < body.length) {
    throw new ConnectError("protocol error: received extra output message for unary method", Code.Unimplemented);
  }
  if (envelope.flags === 0) {
    return envelope.payload;
  }
  if (envelope.flags !== compressedFlag || encoding !== "gzip") {
    throw new ConnectError(`protocol error: invalid envelope flags ${envelope.flags}`, Code.Internal);
  }
  return gunzip(envelope.payload, readBytesMax);
}
