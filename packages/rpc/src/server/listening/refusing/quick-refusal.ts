import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnyHttp2Stream, HeaderBlock } from "@parley/http2";
import { errorCode } from "@parley/http2";
import type { RefusalReason, Waits } from "../../admission/admission.ts";
import type { CallPipeline } from "../../pipeline/call-pipeline.ts";
import type { ServedMethod } from "../../pipeline/service-methods.ts";
import type { JsonOptions } from "../../wire/message-codec.ts";
import { RefusalAnswers } from "./refusal-answers.ts";

/** Refuses calls that come on top of what the server can do, before anything is made of them. */
export interface QuickRefusal {
  /** Refuses a call over HTTP/1.1, or says false and leaves it untouched. */
  refuse1(request: IncomingMessage, response: ServerResponse): boolean;
  /** Refuses a call over HTTP/2, or says false and leaves the stream untouched. */
  refuse2(stream: AnyHttp2Stream, block: HeaderBlock, connection: ConnectionState): boolean;
}

/** What a connection's state says about a call on it. */
export interface ConnectionState extends Waits {
  /** Whether too many bytes of earlier answers wait to be sent. */
  readonly isUnsent?: boolean;
}

export interface QuickRefusalOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly json?: JsonOptions | undefined;
  /** Whether HTTP/1.1 calls with an `origin`, whose answers need headers for the browser, are left alone. By default they are not. */
  readonly leaveCrossOrigin?: boolean;
  readonly environment: { readonly clock: { after(delayMs: number, callback: () => void): () => void } };
}

/**
 * A refusal must cost far less than an answer, or refusing is what the server then has no time for: the request's headers are only searched for
 * path and content type, the answer is written once for all, and the body, which arrives later, is dropped.
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

  return {
    refuse1(request, response) {
      const served = request.method === "POST" ? methods.get(request.url ?? "") : undefined;
      const reason = served === undefined ? undefined : admission.refusal(served.runtime, {});
      if (served === undefined || reason === undefined) {
        return false;
      }
      const { rawHeaders } = request;
      if (leaveCrossOrigin && headerValue(rawHeaders, "origin") !== "") {
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
      const reason = state.isUnsent === true ? "unsent-answers" : admission.refusal(served.runtime, state);
      if (reason === undefined || fieldValue(fields, ":method") !== "POST") {
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

/** No answer has more bytes of headers. Callers that take fewer get one that is written for them. */
const answerHeaderBytesMax = 4_096;

/** Resets streams whose request does not end for a while after it was answered: a caller would keep them for ever. */
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
    // Nearly all requests come whole, and their streams are closed once what was read with their headers has been looked at.
    if (answered.push(stream) === 1) {
      process.nextTick(look);
    }
  };
}

/** gRPC needs HTTP/2; over HTTP/1.1 there is gRPC-Web. */
function isGrpc(contentType: string): boolean {
  return contentType.startsWith("application/grpc") && !contentType.startsWith("application/grpc-web");
}

/** A header of an HTTP/1.1 request, by its name in lower case. */
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

/** How long the body of a refused request may take to end. */
const bodyWaitMs = 1_000;

/** Streams watched for that at once. Others end with their request or their connection. */
const unendedMax = 10_000;
