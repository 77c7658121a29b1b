import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnyHttp2Stream, HeaderBlock } from "@parley/http2";
import { errorCode } from "@parley/http2";
import { forwardedByHeader, onBehalfOfHeader, serviceIdentityHeader } from "../../../call/token-claims.ts";
import type { CallConnection, RefusalReason } from "../../admission/admission.ts";
import type { CallPipeline } from "../../pipeline/call-pipeline.ts";
import type { ServedMethod } from "../../pipeline/service-methods.ts";
import type { JsonOptions } from "../../wire/message-codec.ts";
import { RefusalAnswers } from "./refusal-answers.ts";

/** Load shedding: refuses calls from their headers alone, before the server creates a call. */
export interface QuickRefusal {
  /** Refuses a call over HTTP/1.1. False if it did not, and left the request unchanged. */
  refuse1(request: IncomingMessage, response: ServerResponse): boolean;
  /** Refuses a call over HTTP/2. False if it did not, and left the stream unchanged. */
  refuse2(stream: AnyHttp2Stream, block: HeaderBlock, connection: ConnectionState): boolean;
}

/** The state of a call's connection. */
export interface ConnectionState extends CallConnection {
  /** Whether the connection has too many unsent response bytes. */
  readonly isUnsent?: boolean;
}

export interface QuickRefusalOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly json?: JsonOptions | undefined;
  /** Whether HTTP/1.1 calls with an `origin` header are not refused here, because the response needs CORS headers. Default: false. */
  readonly leaveCrossOrigin?: boolean;
  readonly environment: { readonly clock: { after(delayMs: number, callback: () => void): () => void } };
}

/**
 * A refusal must cost far less than a call, or the server has no time for refusals under load. So only the path and the content type are read
 * from the headers, the serialized response is cached, and the request body is dropped.
 */
export function createQuickRefusal(
  pipeline: CallPipeline,
  { methods, json = {}, environment, leaveCrossOrigin = false }: QuickRefusalOptions,
): QuickRefusal {
  const { admission } = pipeline;
  const closeLater = createUnendedStreams(environment.clock);
  const answers = new RefusalAnswers(admission, json);

  function count(served: ServedMethod, reason: RefusalReason): void {
    admission.count(reason);
    served.runtime.metrics.started();
    served.runtime.metrics.ended(refusedCode, 0);
  }

  /** The reason, if it does not depend on who the caller is, or if that is known from the last call of the connection. */
  function refusal(served: ServedMethod, state: ConnectionState, header: (name: string) => string) {
    const { runtime } = served;
    const reason = admission.refusal(runtime, state);
    if (state.own === undefined || (reason !== undefined && reason !== "caller-share")) {
      return reason;
    }
    const authorization = header("authorization");
    const found = authorization === "" ? reason : admission.refusalOfUser(runtime, state.own, authorization);
    return found === undefined || forwardHeaders.some((name) => header(name) !== "") ? undefined : found;
  }

  return {
    refuse1(request, response) {
      const served = request.method === "POST" ? methods.get(request.url ?? "") : undefined;
      const { rawHeaders, socket } = request;
      if (served === undefined) {
        return false;
      }
      const header = (name: string) => headerValue(rawHeaders, name);
      const reason = refusal(served, { own: socket }, header);
      if (reason === undefined || (leaveCrossOrigin && header("origin") !== "")) {
        return false;
      }
      const contentType = headerValue(rawHeaders, "content-type");
      const answer = isGrpc(contentType) ? undefined : answers.find(served, contentType, reason);
      if (answer === undefined) {
        return false;
      }
      count(served, reason);
      const { status, headers, body } = answer.http1;
      response.writeHead(status, headers).end(body, "latin1");
      return true;
    },
    refuse2(stream, { fields, malformed, tooLarge }, state) {
      if (malformed || tooLarge || stream.peerHeaderBytesMax < answerHeaderBytesMax) {
        return false;
      }
      const served = methods.get(fieldValue(fields, ":path"));
      if (served === undefined) {
        return false;
      }
      const header = (name: string) => fieldValue(fields, name);
      const reason = state.isUnsent === true ? "unsent-answers" : refusal(served, state, header);
      if (reason === undefined || header(":method") !== "POST") {
        return false;
      }
      const answer = answers.find(served, fieldValue(fields, "content-type"), reason)?.http2;
      if (answer === undefined) {
        return false;
      }
      count(served, reason);
      if (answer.body === undefined) {
        stream.sendHeaders(answer.headers, true);
      } else {
        stream.sendHeaders(answer.headers);
        stream.end(answer.body, answer.trailers);
      }
      closeLater(stream);
      return true;
    },
  };
}

/** They may name another caller than the connection's address. Only the pipeline finds out. */
const forwardHeaders = ["x-forwarded-for", forwardedByHeader, onBehalfOfHeader, serviceIdentityHeader];

/** No refusal has larger headers. Clients with a lower SETTINGS_MAX_HEADER_LIST_SIZE are refused later, with a response that fits. */
const answerHeaderBytesMax = 4_096;

/** Resets streams whose request does not end soon after the refusal. Otherwise a client could keep them open for ever. */
function createUnendedStreams(clock: QuickRefusalOptions["environment"]["clock"]): (stream: AnyHttp2Stream) => void {
  let answered: AnyHttp2Stream[] = [];
  let unended: AnyHttp2Stream[] = [];
  function look() {
    const streams = answered;
    answered = [];
    for (const stream of streams) {
      if (!stream.closed && unended.length < unendedMax && unended.push(stream) === 1) {
        clock.after(bodyWaitMs, reset);
      }
    }
  }
  function reset() {
    const streams = unended;
    unended = [];
    for (const stream of streams) {
      stream.reset(errorCode.none);
    }
  }
  return (stream) => {
    // Nearly all requests are complete, so their streams close once the bytes read with their headers are parsed.
    if (answered.push(stream) === 1) {
      process.nextTick(look);
    }
  };
}

/** True for gRPC, which needs HTTP/2; false for gRPC-Web. */
function isGrpc(contentType: string): boolean {
  return contentType.startsWith("application/grpc") && !contentType.startsWith("application/grpc-web");
}

/** Returns a header of an HTTP/1.1 request. The name is in lower case. */
function headerValue(rawHeaders: readonly string[], name: string): string {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string;
    if (given.length === name.length && given.toLowerCase() === name) {
      return rawHeaders[index + 1] ?? "";
    }
  }
  return "";
}

function fieldValue(fields: readonly string[], name: string): string {
  for (let index = 0; index < fields.length; index += 2) {
    if (fields[index] === name) {
      return fields[index + 1] ?? "";
    }
  }
  return "";
}

/** RESOURCE_EXHAUSTED. */
const refusedCode = 8;

/** The time for the body of a refused request to end, in milliseconds. */
const bodyWaitMs = 1_000;

/** The number of streams that are watched for this. Others end with their request or their connection. */
const unendedMax = 10_000;
