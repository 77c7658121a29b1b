import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { encodeFields } from "@parley/http2";
import { formatContentType } from "../../protocol/content-types.ts";
import { encodeEnvelope, grpcWebTrailerFlag } from "../../protocol/envelope.ts";
import { writeGrpcStatus } from "../../protocol/grpc-status.ts";
import { addErrorMetadata, copyToNode } from "../../protocol/metadata.ts";
import type { DialectCall } from "../wire/dialect.ts";
import { grpcEncoding, grpcTimeoutMs } from "../wire/enveloped-request.ts";
import { grpcDialect } from "../wire/grpc-dialect.ts";
import { grpcWebDialect } from "../wire/grpc-web-dialect.ts";
import type { StreamDialect } from "./stream-dialect.ts";

const shared = {
  acceptEncodingHeader: "grpc-accept-encoding",
  encodingHeader: "grpc-encoding",
  requestEncoding: grpcEncoding,
  timeoutMs: grpcTimeoutMs,
  check() {},
} as const;

/** gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
export const grpcStreams: StreamDialect = {
  ...shared,
  protocolName: "grpc",
  head(call) {
    if (call.createdResponseHeader === undefined && call.responseCompression === undefined) {
      return { status: 200, headers: {}, prepared: preparedHeads[call.type.codec] };
    }
    return { status: 200, headers: headersOf(call) };
  },
  end(call, error) {
    return error === undefined && call.createdResponseTrailer === undefined
      ? { trailers: okTrailers }
      : { trailers: statusOf(call, error, call.exchange.headerBytesMax) };
  },
  fail: (call, error) => grpcDialect.fail(call, error),
};

/** gRPC-Web (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md). The trailers are the body's last length-prefixed message. */
export const grpcWebStreams: StreamDialect = {
  ...shared,
  protocolName: "grpc-web",
  head: (call) => ({ status: 200, headers: headersOf(call) }),
  end(call, error) {
    const trailers = statusOf(call, error);
    let lines = "";
    for (const name in trailers) {
      for (const value of [trailers[name]].flat()) {
        lines += `${name}: ${value}\r\n`;
      }
    }
    return { body: encodeEnvelope(grpcWebTrailerFlag, Buffer.from(lines, "latin1")) };
  },
  fail: (call, error) => grpcWebDialect.fail(call, error),
};

const preparedHeads = {
  proto: encodeFields([":status", "200", "content-type", "application/grpc+proto"]),
  json: encodeFields([":status", "200", "content-type", "application/grpc+json"]),
};
const okTrailers = encodeFields(["grpc-status", "0"]);

function headersOf(call: DialectCall): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { "content-type": formatContentType(call.type) };
  if (call.createdResponseHeader !== undefined) {
    copyToNode(call.createdResponseHeader, headers);
  }
  if (call.responseCompression !== undefined) {
    headers["grpc-encoding"] = call.responseCompression.name;
  }
  return headers;
}

function statusOf(call: DialectCall, error: ConnectError | undefined, bytesMax?: number): OutgoingHttpHeaders {
  const metadata = new Headers(call.createdResponseTrailer);
  if (error !== undefined && !error.isWireError) {
    addErrorMetadata(metadata, error.metadata);
  }
  const status: OutgoingHttpHeaders = {};
  copyToNode(metadata, status);
  if (error === undefined) {
    status["grpc-status"] = "0";
  } else {
    writeGrpcStatus(error, status, bytesMax);
  }
  return status;
}
