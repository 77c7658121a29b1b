import type { OutgoingHttpHeaders } from "node:http";
import { formatContentType } from "../../protocol/content-types.ts";
import { compressedFlag, encodeEnvelope, envelopeHeaderBytes, grpcWebTrailerFlag } from "../../protocol/envelope.ts";
import { writeGrpcStatus } from "../../protocol/grpc-status.ts";
import { addErrorMetadata, copyToNode } from "../../protocol/metadata.ts";
import { acceptedEncodings, type Dialect, type DialectCall } from "./dialect.ts";
import { grpcEncoding, grpcTimeoutMs, readSingle, readTooLong } from "./enveloped-request.ts";
import type { Answer } from "./exchange/exchange.ts";
import { decodeWebText } from "./web-text.ts";

/** gRPC-Web, binary and text (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md). */
export const grpcWebDialect: Dialect = {
  protocolName: "grpc-web",
  acceptEncodingHeader: "grpc-accept-encoding",
  requestEncoding: grpcEncoding,
  timeoutMs: grpcTimeoutMs,
  // Base64 encodes 3 bytes as 4. Callers may also send trailers after the message.
  bodyBytes: (messageBytes) => Math.ceil((messageBytes + envelopeHeaderBytes + trailerBytesMax) / 3) * 4,
  read(call, body, compression) {
    return readSingle(call, call.type.text ? decodeWebText(body) : body, compression);
  },
  readTooLong(call, beginning) {
    // The beginning may end inside a group of four characters.
    const whole = beginning.length - (beginning.length % 4);
    return readTooLong(call, call.type.text ? decodeWebText(beginning.subarray(0, whole)) : beginning);
  },
  answer(call, payload) {
    const compression = call.responseCompression;
    if (compression === undefined || payload.length < call.settings.compressBytesMin) {
      return write(call, { message: encodeEnvelope(0, payload), status: { "grpc-status": "0" } });
    }
    return compression.compress(payload).then((bytes) => {
      const message = encodeEnvelope(compressedFlag, bytes);
      const answer = write(call, { message, status: { "grpc-status": "0" } });
      answer.headers["grpc-encoding"] = compression.name;
      return answer;
    });
  },
  fail(call, error) {
    const status: OutgoingHttpHeaders = {};
    if (!error.isWireError) {
      const metadata = new Headers();
      addErrorMetadata(metadata, error.metadata);
      copyToNode(metadata, status);
    }
    writeGrpcStatus(error, status);
    const answer = write(call, { message: undefined, status });
    Object.assign(answer.headers, acceptedEncodings(error, grpcWebDialect));
    return answer;
  },
};

const trailerBytesMax = 1024;

interface Written {
  readonly message: Buffer | undefined;
  readonly status: OutgoingHttpHeaders;
}

function write(call: DialectCall, { message, status }: Written): Answer {
  const headers: OutgoingHttpHeaders = { "content-type": formatContentType(call.type) };
  if (call.createdResponseHeader !== undefined) {
    copyToNode(call.createdResponseHeader, headers);
  }
  let lines = "";
  for (const [name, value] of call.createdResponseTrailer ?? []) {
    lines += `${name}: ${value}\r\n`;
  }
  for (const name in status) {
    lines += `${name}: ${status[name]}\r\n`;
  }
  const trailers = encodeEnvelope(grpcWebTrailerFlag, Buffer.from(lines, "latin1"));
  const body = message === undefined ? trailers : Buffer.concat([message, trailers]);
  return { status: 200, headers, body: call.type.text ? Buffer.from(body.toString("base64"), "latin1") : body };
}
