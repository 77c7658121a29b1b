import type { OutgoingHttpHeaders } from "node:http";
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { decodeBinaryValue } from "../../protocol/binary-metadata.ts";
import { httpStatusFromCode } from "../../protocol/codes.ts";
import { addErrorMetadata, copyToNode } from "../../protocol/metadata.ts";
import { parseConnectTimeoutMs } from "../../protocol/timeouts.ts";
import { requestTooLarge } from "../pipeline/limit-errors.ts";
import type { Compression } from "./compression.ts";
import { acceptedEncodings, type Dialect, type DialectCall } from "./dialect.ts";
import type { Answer, Exchange } from "./exchange/exchange.ts";

/** Connect's unary calls, POST and GET (https://connectrpc.com/docs/protocol). */
export const connectDialect: Dialect = {
  protocolName: "connect",
  acceptEncodingHeader: "accept-encoding",
  requestEncoding(exchange) {
    const value =
      exchange.requestMethod === "GET"
        ? query(exchange.target).get("compression")
        : exchange.headers["content-encoding"];
    return value ?? undefined;
  },
  timeoutMs({ headers }) {
    const value = headers["connect-timeout-ms"];
    if (value === undefined) {
      return undefined;
    }
    const timeoutMs = typeof value === "string" ? parseConnectTimeoutMs(value) : undefined;
    if (timeoutMs === undefined) {
      throw new ConnectError(
        `The header connect-timeout-ms must be a number of milliseconds with at most 10 digits, such as 5000; it is ${JSON.stringify(String(value).slice(0, 50))}.`,
        Code.InvalidArgument,
      );
    }
    return timeoutMs;
  },
  bodyBytes: (messageBytes) => messageBytes,
  read(call, body, compression) {
    const get = call.exchange.requestMethod === "GET";
    checkVersion(call, get);
    return decode(call, get ? messageOfQuery(call.exchange) : body, compression);
  },
  readTooLong({ exchange, settings }) {
    const promised = Number(exchange.headers["content-length"]);
    return requestTooLarge(settings.requestBytesMax, Number.isNaN(promised) ? undefined : promised);
  },
  answer(call, payload) {
    const compression = call.responseCompression;
    if (compression === undefined || payload.length < call.settings.compressBytesMin) {
      return success(call, payload);
    }
    return compression.compress(payload).then((bytes) => {
      const answer = success(call, bytes);
      answer.headers["content-encoding"] = compression.name;
      return answer;
    });
  },
  fail(call, error) {
    const headers: OutgoingHttpHeaders = {
      "content-type": "application/json",
      ...acceptedEncodings(error, connectDialect),
      ...retryAfter(error),
    };
    const header = new Headers(call.createdResponseHeader);
    if (!error.isWireError) {
      addErrorMetadata(header, error.metadata);
    }
    copyMetadata(call, header, headers);
    return { status: httpStatusFromCode(error.code), headers, body: errorToJsonBytes(error, call.settings.json) };
  },
};

/** `Retry-After` (RFC 9110, section 10.2.3): RetryInfo's delay in whole seconds, for proxies and plain HTTP clients. */
function retryAfter(error: ConnectError): Record<string, string> | undefined {
  if (error.code !== Code.ResourceExhausted && error.code !== Code.Unavailable) {
    return undefined;
  }
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return delay && { "retry-after": String(Math.max(1, Number(delay.seconds) + Math.sign(delay.nanos))) };
}

function success(call: DialectCall, body: Uint8Array): Answer {
  const headers: OutgoingHttpHeaders = {
    "content-type": call.type.codec === "proto" ? "application/proto" : "application/json",
  };
  copyMetadata(call, call.createdResponseHeader, headers);
  return { status: 200, headers, body };
}

function copyMetadata(call: DialectCall, header: Headers | undefined, target: OutgoingHttpHeaders): void {
  if (header !== undefined) {
    copyToNode(header, target);
  }
  if (call.createdResponseTrailer !== undefined) {
    copyToNode(call.createdResponseTrailer, target, { prefix: "trailer-" });
  }
}

function decode(call: DialectCall, bytes: Buffer, compression: Compression | undefined): Message | Promise<Message> {
  const { requestBytesMax } = call.settings;
  if (bytes.length > requestBytesMax) {
    throw requestTooLarge(requestBytesMax, bytes.length);
  }
  if (compression === undefined) {
    return call.codec.decode(bytes);
  }
  return compression.decompress(bytes, requestBytesMax).then((plain) => call.codec.decode(plain));
}

function messageOfQuery(exchange: Exchange): Buffer {
  const parameters = query(exchange.target);
  const message = parameters.get("message") ?? "";
  if (parameters.get("base64") !== "1") {
    return Buffer.from(message);
  }
  const bytes = decodeBinaryValue(message);
  if (bytes === undefined) {
    throw new ConnectError("The parameter message is not base64, as base64=1 says.", Code.InvalidArgument);
  }
  return bytes;
}

/** Throws INVALID_ARGUMENT for a wrong protocol version, or a missing one if `requireConnectVersion` is set. */
export function checkVersion({ exchange, settings }: DialectCall, get: boolean): void {
  const version = get
    ? (query(exchange.target).get("connect") ?? undefined)
    : exchange.headers["connect-protocol-version"];
  const expected = get ? "v1" : "1";
  if (version === expected || (version === undefined && !settings.requireConnectVersion)) {
    return;
  }
  const name = get ? "The parameter connect" : "The header connect-protocol-version";
  const got = version === undefined ? "missing" : JSON.stringify(String(version).slice(0, 50));
  throw new ConnectError(`${name} must be "${expected}"; it is ${got}.`, Code.InvalidArgument);
}

/** The query parameters of a request target. */
export function query(target: string): URLSearchParams {
  const start = target.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : target.slice(start + 1));
}
