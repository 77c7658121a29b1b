import type { OutgoingHttpHeaders } from "node:http";
import { encodeFields } from "@parley/http2";
import { type ContentType, formatContentType } from "../../protocol/content-types.ts";
import { compressedFlag, encodeEnvelope, envelopeHeaderBytes } from "../../protocol/envelope.ts";
import { headerListBytes, writeGrpcStatus } from "../../protocol/grpc-status.ts";
import { addErrorMetadata, copyToNode } from "../../protocol/metadata.ts";
import { acceptedEncodings, type Dialect, type DialectCall } from "./dialect.ts";
import { grpcEncoding, grpcTimeoutMs, readSingle, readTooLong } from "./enveloped-request.ts";
import type { Answer } from "./exchange/exchange.ts";

/** gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
export const grpcDialect: Dialect = {
  protocolName: "grpc",
  acceptEncodingHeader: "grpc-accept-encoding",
  requestEncoding: grpcEncoding,
  timeoutMs: grpcTimeoutMs,
  bodyBytes: (messageBytes) => messageBytes + envelopeHeaderBytes,
  read: readSingle,
  readTooLong,
  answer(call, payload) {
    const compression = call.responseCompression;
    if (compression === undefined || payload.length < call.settings.compressBytesMin) {
      if (call.createdResponseHeader === undefined && call.createdResponseTrailer === undefined) {
        return {
          status: 200,
          headers: noHeaders,
          prepared: preparedHeaders[call.type.codec],
          body: encodeEnvelope(0, payload),
          trailers: successTrailers,
        };
      }
      return success(call, encodeEnvelope(0, payload));
    }
    return compression.compress(payload).then((bytes) => {
      const answer = success(call, encodeEnvelope(compressedFlag, bytes));
      answer.headers["grpc-encoding"] = compression.name;
      return answer;
    });
  },
  fail(call, error) {
    const status: OutgoingHttpHeaders = {};
    const trailer = new Headers(call.createdResponseTrailer);
    if (!error.isWireError) {
      addErrorMetadata(trailer, error.metadata);
    }
    copyToNode(trailer, status);
    const headers: OutgoingHttpHeaders = {
      "content-type": formatContentType(call.type),
      ...acceptedEncodings(error, grpcDialect),
    };
    const { headerBytesMax = Number.POSITIVE_INFINITY } = call.exchange ?? {};
    if (call.createdResponseHeader === undefined) {
      writeGrpcStatus(error, status, headerBytesMax - headerListBytes({ ":status": 200, ...headers }));
      // "Trailers-Only": one header block is the whole response.
      return { status: 200, headers: Object.assign(headers, status) };
    }
    writeGrpcStatus(error, status, headerBytesMax);
    copyToNode(call.createdResponseHeader, headers);
    return { status: 200, headers, trailers: status };
  },
};

/** The header block of responses without metadata. */
const preparedHeaders: Readonly<Record<ContentType["codec"], Uint8Array>> = {
  proto: encodeFields([":status", "200", "content-type", "application/grpc+proto"]),
  json: encodeFields([":status", "200", "content-type", "application/grpc+json"]),
};
const successTrailers = encodeFields(["grpc-status", "0"]);
const noHeaders: OutgoingHttpHeaders = {};

function success(call: DialectCall, body: Buffer): Answer {
  const headers: OutgoingHttpHeaders = { "content-type": formatContentType(call.type) };
  const trailers: OutgoingHttpHeaders = { "grpc-status": "0" };
  if (call.createdResponseHeader !== undefined) {
    copyToNode(call.createdResponseHeader, headers);
  }
  if (call.createdResponseTrailer !== undefined) {
    copyToNode(call.createdResponseTrailer, trailers);
  }
  return { status: 200, headers, body, trailers };
}
