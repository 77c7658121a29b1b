import { Code, ConnectError } from "@connectrpc/connect";
import { codeFromHttpStatus } from "../../../protocol/codes.ts";
import { grpcWebTrailerFlag } from "../../../protocol/envelope.ts";
import { readGrpcStatus } from "../../../protocol/grpc-status.ts";
import { headersFromNode } from "../../../protocol/metadata.ts";
import { decodeGrpcMessage } from "../../../protocol/percent-encoding.ts";
import { formatGrpcTimeout } from "../../../protocol/timeouts.ts";
import type { NodeFields } from "../unary-answer.ts";
import { fieldOf, type WireOptions } from "../unary-protocol.ts";
import {
  checkContentType,
  readsGzip,
  type StreamEnd,
  type StreamProtocol,
  type StreamReading,
  withHeaders,
} from "./stream-protocol.ts";

/** Streams of gRPC over HTTP/2 (gRPC's PROTOCOL-HTTP2). */
export function grpcStreamProtocol(options: WireOptions): StreamProtocol {
  const accepted = acceptedTypes("application/grpc", options);
  return {
    name: "grpc",
    fields: ["content-type", `application/grpc+${options.codec}`, "te", "trailers", ...commonFields(options)],
    timeoutName: "grpc-timeout",
    formatTimeout: formatGrpcTimeout,
    begin(status, headers) {
      if (status !== 200) {
        throw new ConnectError(`HTTP ${status}`, codeFromHttpStatus(status), headersFromNode(headers));
      }
      checkContentType(headers, accepted, /^application\/grpc(\+|$)/);
      const gzip = readsGzip(headers, "grpc-encoding");
      return new GrpcReading(headers, { gzip, endFlag: 0 });
    },
  };
}

/** Streams of gRPC-Web (gRPC's PROTOCOL-WEB), in binary. */
export function grpcWebStreamProtocol(options: WireOptions): StreamProtocol {
  const accepted = acceptedTypes("application/grpc-web", options);
  return {
    name: "grpc-web",
    fields: ["content-type", `application/grpc-web+${options.codec}`, "x-grpc-web", "1", ...commonFields(options)],
    timeoutName: "grpc-timeout",
    formatTimeout: formatGrpcTimeout,
    begin(status, headers) {
      if (status < 200 || status >= 300) {
        const words = fieldOf(headers, "grpc-message");
        const message = words === undefined ? `HTTP ${status}` : decodeGrpcMessage(words);
        throw new ConnectError(message, codeFromHttpStatus(status), headersFromNode(headers));
      }
      const gzip = readsGzip(headers, "grpc-encoding");
      if (headers["content-type"] !== undefined) {
        checkContentType(headers, accepted, /^application\/grpc-web(\+|$)/);
      }
      return new GrpcReading(headers, { gzip, endFlag: grpcWebTrailerFlag });
    },
  };
}

function acceptedTypes(base: string, { codec }: WireOptions): ReadonlySet<string> {
  return new Set(codec === "proto" ? [`${base}+proto`, base] : [`${base}+json`]);
}

function commonFields({ userAgent, acceptGzip, sendGzip }: WireOptions): readonly string[] {
  return [
    "user-agent",
    userAgent,
    ...(acceptGzip ? ["grpc-accept-encoding", "gzip"] : []),
    ...(sendGzip ? ["grpc-encoding", "gzip"] : []),
  ];
}

class GrpcReading implements StreamReading {
  readonly gzip: boolean;
  readonly endFlag: number;
  readonly headersError: ConnectError | undefined;
  readonly #headers: NodeFields;

  constructor(headers: NodeFields, { gzip, endFlag }: { readonly gzip: boolean; readonly endFlag: number }) {
    this.#headers = headers;
    this.gzip = gzip;
    this.endFlag = endFlag;
    // "Trailers-Only": the status is in the headers, and nothing follows.
    this.headersError = headers["grpc-status"] === undefined ? undefined : statusError(headers);
    if (this.headersError !== undefined && endFlag === 0) {
      throw this.headersError;
    }
  }

  readEnd(payload: Buffer): StreamEnd {
    const trailers = readTrailerBlock(payload);
    const error = statusError(trailers);
    return {
      trailer: headersFromNode(trailers),
      error: error === undefined ? undefined : withHeaders(error, this.#headers),
    };
  }

  close({ trailers, end }: Parameters<StreamReading["close"]>[0]): StreamEnd {
    if (end !== undefined) {
      return end;
    }
    if (trailers === undefined && this.#headers["grpc-status"] !== undefined) {
      return { trailer: new Headers() };
    }
    if (this.endFlag !== 0) {
      throw new ConnectError("protocol error: missing trailer", Code.Internal, headersFromNode(this.#headers));
    }
    const fields = trailers ?? {};
    const error = statusError(fields);
    return {
      trailer: headersFromNode(fields),
      error: error === undefined ? undefined : withHeaders(error, this.#headers),
    };
  }
}

function statusError(fields: NodeFields): ConnectError | undefined {
  const trailers = {
    "grpc-status": fieldOf(fields, "grpc-status"),
    "grpc-message": fieldOf(fields, "grpc-message"),
    "grpc-status-details-bin": fieldOf(fields, "grpc-status-details-bin"),
  };
  return readGrpcStatus(trailers, () => headersFromNode(fields));
}

/** gRPC-Web: trailers in HTTP/1.1's format, a line each. */
function readTrailerBlock(payload: Buffer): NodeFields {
  const fields: Record<string, string | string[]> = {};
  for (const line of payload.toString("latin1").split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) {
      const name = line.slice(0, colon).trim().toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = fields[name];
      fields[name] = before === undefined ? value : [before, value].flat();
    }
  }
  return fields;
}
