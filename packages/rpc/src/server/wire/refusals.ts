import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { completeReason, type ReasonSource } from "../../call/reason-error.ts";
import type { Clock } from "../../environment/clock.ts";
import { type ContentType, parseContentType } from "../../protocol/content-types.ts";
import { headerListBytes, writeGrpcStatus } from "../../protocol/grpc-status.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { query } from "./connect-dialect.ts";
import type { Answer } from "./exchange/exchange.ts";
import { Http1Exchange } from "./exchange/http1-server-exchange.ts";
import { Http2Exchange } from "./exchange/http2-server-exchange.ts";
import { createStallWatch } from "./exchange/stall-watch.ts";
import type { JsonOptions } from "./message-codec.ts";
import {
  getWithoutQuery,
  needsHttp2,
  type Surroundings,
  unknownMethod,
  wordCharsMax,
  wrongContentType,
  wrongHttpMethod,
} from "./refusal-words.ts";
import { oneValue, type RpcPath } from "./rpc-path.ts";

export interface RefusalOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** The domain of the reasons in errors, and the page that describes them. */
  readonly reasons: ReasonSource;
  readonly surroundings: Surroundings;
  /** Whether errors have a code and details beyond their HTTP status (`ServerConfig.explainErrors`). True by default. */
  readonly explain?: boolean | undefined;
  /** For encoding error details in JSON. */
  readonly json?: JsonOptions | undefined;
  /** Whether cross-origin requests (with an `origin` header) are left to the next path. False by default. */
  readonly leaveCrossOrigin?: boolean | undefined;
}

/**
 * Answers requests that are not valid calls, each in its protocol: UNIMPLEMENTED (404) for an unknown method, 405 with `Allow`, 415 with
 * `Accept-Post`, 505 if HTTP/2 is required. Comes after the paths that serve calls. Leaves all other requests to the next path.
 */
export function createRefusals(options: RefusalOptions): RpcPath {
  const { limits, clock, leaveCrossOrigin = false } = options;
  const stalls = createStallWatch(clock, limits.stallTimeoutMs);
  return {
    http2(stream, { headers, socket }) {
      if (headers.expect !== undefined || (leaveCrossOrigin && headers.origin !== undefined)) {
        return false;
      }
      const answer = refusal(options, {
        httpVersion: 2,
        headerBytesMax: stream.peerHeaderBytesMax,
        origin: `${oneValue(headers[":scheme"]) ?? "http"}://${oneValue(headers[":authority"]) ?? headers.host ?? "localhost"}`,
        httpMethod: oneValue(headers[":method"]) ?? "",
        target: oneValue(headers[":path"]) ?? "",
        contentType: headers["content-type"] ?? "",
      });
      if (answer !== undefined) {
        new Http2Exchange(stream, { headers, stalls, socket }).respond(answer);
      }
      return answer !== undefined;
    },
    http1(request, response) {
      if (leaveCrossOrigin && request.headers.origin !== undefined) {
        return false;
      }
      const answer = refusal(options, {
        httpVersion: 1,
        headerBytesMax: Number.POSITIVE_INFINITY,
        origin: `${"encrypted" in request.socket ? "https" : "http"}://${request.headers.host ?? "localhost"}`,
        httpMethod: request.method ?? "",
        target: request.url ?? "",
        contentType: request.headers["content-type"] ?? "",
      });
      if (answer !== undefined) {
        new Http1Exchange(request, response).respond(answer);
      }
      return answer !== undefined;
    },
  };
}

interface Asked {
  readonly httpVersion: 1 | 2;
  /** Scheme and authority, for example `http://localhost:50053`. */
  readonly origin: string;
  /** The caller's SETTINGS_MAX_HEADER_LIST_SIZE, in bytes. Infinity for no limit. */
  readonly headerBytesMax: number;
  readonly httpMethod: string;
  readonly target: string;
  readonly contentType: string;
}

function refusal(options: RefusalOptions, asked: Asked): Answer | undefined {
  const { methods } = options;
  const { httpVersion, origin, httpMethod, target, contentType } = asked;
  const path = target.split("?", 1)[0] ?? "";
  const served = methods.get(path);
  if (served === undefined) {
    return unknown(options, { ...asked, path });
  }
  const allowed = allowedMethods(served);
  // CORS preflight requests are left to the next path where there is one for them.
  if (httpMethod === "OPTIONS") {
    return { status: 204, headers: { allow: [...allowed, "OPTIONS"].join(", ") } };
  }
  if (!allowed.includes(httpMethod)) {
    const error = wrongHttpMethod({ origin, path }, served, { httpMethod, allowed });
    return inJson(405, error, { options, headers: { allow: allowed.join(", ") } });
  }
  if (httpMethod === "GET") {
    return isReadable(asked) ? undefined : inJson(415, getWithoutQuery({ origin, path }, served), { options });
  }
  const type = parseContentType(contentType);
  if (type === undefined || !fits(type, served)) {
    return unsupported(path, { served, contentType, options });
  }
  const isBidi = served.runtime.method.methodKind === "bidi_streaming";
  if (httpVersion === 1 && (type.protocol === "grpc" || isBidi)) {
    const what = type.protocol === "grpc" ? "gRPC" : "streams in both directions";
    return inJson(505, needsHttp2(path, what), { options, headers: { connection: "close" } });
  }
  return undefined;
}

/** The response for an unknown method: "Trailers-Only" for gRPC and gRPC-Web, otherwise 404 with the error in Connect's JSON. */
function unknown(options: RefusalOptions, asked: Asked & { readonly path: string }): Answer | undefined {
  const { httpVersion, httpMethod, contentType, path } = asked;
  const error = unknownMethod(asked, options.methods, options.surroundings);
  const isWeb = /^application\/grpc-web/i.test(contentType);
  if (httpMethod === "POST" && (isWeb || (httpVersion === 2 && /^application\/grpc/i.test(contentType)))) {
    const words = `No route matches ${path.slice(0, wordCharsMax)}. The path of a call is /package.Service/Method.`;
    return inGrpcStatus(asked, error ?? new ConnectError(words, Code.Unimplemented), options);
  }
  return error === undefined || httpMethod === "OPTIONS" ? undefined : inJson(404, error, { options });
}

/** Whether a GET has a supported `encoding` parameter, and no content-type (Connect protocol, "Unary-Get-Request"). */
function isReadable({ target, contentType }: Asked): boolean {
  const encoding = query(target).get("encoding");
  return contentType === "" && (encoding === "json" || encoding === "proto");
}

/** Whether the content type fits the method's kind. Connect has different types for unary calls and for streams. */
function fits({ protocol, enveloped }: ContentType, { runtime }: ServedMethod): boolean {
  return protocol !== "connect" || enveloped === (runtime.method.methodKind !== "unary");
}

function allowedMethods({ runtime: { method } }: ServedMethod): readonly string[] {
  const safe = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return method.methodKind === "unary" && safe ? ["GET", "POST"] : ["POST"];
}

interface Unsupported {
  readonly served: ServedMethod;
  readonly contentType: string;
  readonly options: RefusalOptions;
}

function unsupported(path: string, { served, contentType, options }: Unsupported): Answer {
  const connect = served.runtime.method.methodKind === "unary" ? "application/" : "application/connect+";
  const accepted = [
    `${connect}json`,
    `${connect}proto`,
    "application/grpc",
    "application/grpc-web",
    "application/grpc-web-text",
  ];
  const error = wrongContentType(path, { contentType, accepted });
  const answer = inJson(415, error, { options, headers: { "accept-post": accepted.join(", ") } });
  if (/^application\/grpc/i.test(contentType)) {
    // gRPC clients prefer `grpc-status` to the HTTP status.
    writeGrpcStatus(new ConnectError(error.rawMessage, Code.Unimplemented), answer.headers);
  }
  return answer;
}

function inGrpcStatus({ contentType, headerBytesMax }: Asked, error: ConnectError, options: RefusalOptions): Answer {
  explained(error, options);
  const headers = { "content-type": contentType };
  writeGrpcStatus(error, headers, headerBytesMax - headerListBytes({ ":status": 200 }));
  return { status: 200, headers };
}

interface JsonAnswer {
  readonly options: RefusalOptions;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The error in Connect's JSON, which is also readable without a client (Connect protocol, "Error codes"). */
function inJson(status: number, error: ConnectError, { options, headers }: JsonAnswer): Answer {
  const { json, explain = true } = options;
  if (!explain && status !== 404) {
    return {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", ...headers },
      body: Buffer.from(error.rawMessage),
    };
  }
  explained(error, options);
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: errorToJsonBytes(error, json),
  };
}

/** Adds the reason and its link to the error. Without `explain`, removes its details. */
function explained(error: ConnectError, { reasons, explain = true }: RefusalOptions): void {
  if (explain) {
    completeReason(error, reasons);
  } else {
    error.details.length = 0;
  }
}
