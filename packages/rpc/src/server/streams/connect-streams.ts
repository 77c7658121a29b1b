import type { OutgoingHttpHeaders } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { formatContentType } from "../../protocol/content-types.ts";
import { connectEndStreamFlag, encodeEnvelope } from "../../protocol/envelope.ts";
import { copyToNode } from "../../protocol/metadata.ts";
import { checkVersion, connectDialect } from "../wire/connect-dialect.ts";
import { acceptedEncodings, type DialectCall } from "../wire/dialect.ts";
import type { StreamDialect } from "./stream-dialect.ts";

/** Connect's streams (https://connectrpc.com/docs/protocol). The HTTP status is always 200, and an EndStreamResponse in JSON ends the stream. */
export const connectStreams: StreamDialect = {
  protocolName: "connect",
  acceptEncodingHeader: "connect-accept-encoding",
  encodingHeader: "connect-content-encoding",
  requestEncoding({ headers }) {
    const value = headers["connect-content-encoding"];
    return value === undefined ? undefined : String(value);
  },
  timeoutMs: (exchange) => connectDialect.timeoutMs(exchange),
  check: (call) => checkVersion(call, false),
  head: (call) => ({ status: 200, headers: headersOf(call) }),
  end: (call, error) => ({ body: endOf(call, error) }),
  fail: (call, error) => ({
    status: 200,
    headers: { ...headersOf(call), ...acceptedEncodings(error, connectStreams) },
    body: endOf(call, error),
  }),
};

function headersOf(call: DialectCall): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { "content-type": formatContentType(call.type) };
  if (call.createdResponseHeader !== undefined) {
    copyToNode(call.createdResponseHeader, headers);
  }
  if (call.responseCompression !== undefined) {
    headers["connect-content-encoding"] = call.responseCompression.name;
  }
  return headers;
}

function endOf({ createdResponseTrailer, settings }: DialectCall, error: ConnectError | undefined): Buffer {
  if (error === undefined && createdResponseTrailer === undefined) {
    return emptyEnd;
  }
  const end = endStreamToJson(new Headers(createdResponseTrailer), error, settings.json);
  return encodeEnvelope(connectEndStreamFlag, Buffer.from(JSON.stringify(end)));
}

const emptyEnd = encodeEnvelope(connectEndStreamFlag, Buffer.from("{}"));
