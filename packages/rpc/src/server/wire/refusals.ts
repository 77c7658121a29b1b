import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../../environment/clock.ts";
import { type ContentType, parseContentType } from "../../protocol/content-types.ts";
import { writeGrpcStatus } from "../../protocol/grpc-status.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { query } from "./connect-dialect.ts";
import type { Answer } from "./exchange/exchange.ts";
import { Http1Exchange } from "./exchange/http1-server-exchange.ts";
import { Http2Exchange } from "./exchange/http2-server-exchange.ts";
import { createStallWatch } from "./exchange/stall-watch.ts";
import { oneValue, type RpcPath } from "./rpc-path.ts";

export interface RefusalOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly limits: ServerLimits;
  readonly clock: Clock;
  /** Whether requests with an `origin`, which browsers make from other pages, are left to the next path. By default they are not. */
  readonly leaveCrossOrigin?: boolean | undefined;
}

/**
 * Answers the requests for a method that can be no call of it, each in its protocol: UNIMPLEMENTED for a method that there is not (gRPC and
 * gRPC-Web), 405 with `Allow`, 415 with `Accept-Post`, 505. Comes after the paths that serve calls. Leaves every other request alone.
 */
export function createRefusals({ methods, limits, clock, leaveCrossOrigin = false }: RefusalOptions): RpcPath {
  const stalls = createStallWatch(clock, limits.stallTimeoutMs);
  return {
    http2(stream, { headers, socket }) {
      if (headers.expect !== undefined || (leaveCrossOrigin && headers.origin !== undefined)) {
        return false;
      }
      const answer = refusal(methods, {
        httpVersion: 2,
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
      const answer = refusal(methods, {
        httpVersion: 1,
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
  readonly httpMethod: string;
  readonly target: string;
  readonly contentType: string;
}

function refusal(methods: ReadonlyMap<string, ServedMethod>, asked: Asked): Answer | undefined {
  const { httpVersion, httpMethod, target, contentType } = asked;
  const path = target.split("?", 1)[0] ?? "";
  const served = methods.get(path);
  const isGrpc = /^application\/grpc/i.test(contentType);
  if (served === undefined) {
    const inGrpc = isGrpc && (httpVersion === 2 || /^application\/grpc-web/i.test(contentType));
    return inGrpc && httpMethod === "POST" ? unknownMethod(path, contentType) : undefined;
  }
  // OPTIONS is for the browser's questions before a call.
  if (httpMethod === "OPTIONS") {
    return undefined;
  }
  const allowed = allowedMethods(served);
  if (!allowed.includes(httpMethod)) {
    const words = `${path} is called with ${allowed.join(" or ")}, not with ${httpMethod.slice(0, wordCharsMax)}`;
    return inWords(405, words, { allow: allowed.join(", ") });
  }
  if (httpMethod === "GET" && isReadable(asked)) {
    return undefined;
  }
  const type = httpMethod === "GET" ? undefined : parseContentType(contentType);
  if (type === undefined || !fits(type, served)) {
    return unsupported(path, { served, isGrpc, httpMethod, contentType });
  }
  if (httpVersion === 1 && (type.protocol === "grpc" || served.runtime.method.methodKind === "bidi_streaming")) {
    return inWords(505, `${path} needs HTTP/2 for ${type.protocol}`, { connection: "close" });
  }
  return undefined;
}

/** Whether a GET names one of the formats, and no other way (Connect protocol, "Unary-Get-Request"). */
function isReadable({ target, contentType }: Asked): boolean {
  const encoding = query(target).get("encoding");
  return contentType === "" && (encoding === "json" || encoding === "proto");
}

/** Connect has one type for unary calls, and another for streams. */
function fits({ protocol, enveloped }: ContentType, { runtime }: ServedMethod): boolean {
  return protocol !== "connect" || enveloped === (runtime.method.methodKind !== "unary");
}

function allowedMethods({ runtime: { method } }: ServedMethod): readonly string[] {
  const safe = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  return method.methodKind === "unary" && safe ? ["GET", "POST"] : ["POST"];
}

interface Unsupported {
  readonly served: ServedMethod;
  readonly isGrpc: boolean;
  readonly httpMethod: string;
  readonly contentType: string;
}

function unsupported(path: string, { served, isGrpc, httpMethod, contentType }: Unsupported): Answer {
  const connect = served.runtime.method.methodKind === "unary" ? "application/" : "application/connect+";
  const accepted = [
    `${connect}json`,
    `${connect}proto`,
    "application/grpc",
    "application/grpc-web",
    "application/grpc-web-text",
  ];
  if (httpMethod === "GET") {
    return inWords(415, `${path} with GET needs the parameters encoding=json or encoding=proto, and no body`);
  }
  const given =
    contentType === "" ? "there is no content-type" : `the content-type is ${contentType.slice(0, wordCharsMax)}`;
  const words = `${given}; ${path} takes ${accepted.join(", ")}`;
  const answer = inWords(415, words, { "accept-post": accepted.join(", ") });
  if (isGrpc) {
    // A gRPC client reads the status of the call where there is one, and the one of HTTP where there is none.
    writeGrpcStatus(new ConnectError(words, Code.Unimplemented), answer.headers);
  }
  return answer;
}

/** "Trailers-Only", in gRPC-Web too: one block of headers is the whole answer. */
function unknownMethod(path: string, contentType: string): Answer {
  const error = new ConnectError(`there is nothing at ${path.slice(0, wordCharsMax)}`, Code.Unimplemented);
  const headers = { "content-type": contentType };
  writeGrpcStatus(error, headers);
  return { status: 200, headers };
}

/** Plain text, so that clients of every protocol go by the status, as their protocols say. */
function inWords(status: number, words: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
    body: Buffer.from(`${words}\n`),
  };
}

/** What is repeated of a request. */
const wordCharsMax = 200;
