import type { AnyHttp2Stream, HeaderBlock } from "@parley/http2";
import { encodeFields, errorCode, objectToFields } from "@parley/http2";
import { type ContentType, parseContentType } from "../../protocol/content-types.ts";
import type { RefusalReason } from "../admission/admission.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import type { ServedMethod } from "../pipeline/service-methods.ts";
import { dialects } from "../wire/dialects.ts";
import type { JsonOptions } from "../wire/message-codec.ts";

/** Refuses calls that come on top of what the server can do, before anything is made of them. */
export interface QuickRefusal {
  /** Refuses the call, or says false and leaves the stream untouched. `behindMs`: how long it may have waited on its connection. */
  refuse(stream: AnyHttp2Stream, block: HeaderBlock, behindMs: number): boolean;
}

export interface QuickRefusalOptions {
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly json?: JsonOptions | undefined;
  readonly environment: { readonly clock: { after(delayMs: number, callback: () => void): () => void } };
}

/** An answer, written for HTTP/2. */
interface WrittenAnswer {
  readonly headers: Uint8Array;
  readonly body: Uint8Array | undefined;
  readonly trailers: Uint8Array | undefined;
}

/**
 * A refusal must cost far less than an answer, or refusing is what the server then has no time for: the request's headers are only searched for
 * path and content type, the answer is written once for all, and the body, which comes later, is for nobody.
 */
export function createQuickRefusal(
  pipeline: CallPipeline,
  { methods, json = {}, environment }: QuickRefusalOptions,
): QuickRefusal {
  const { admission } = pipeline;
  const closeLater = createUnendedStreams(environment.clock);
  const answers = new Map<string, WrittenAnswer | undefined>();
  function answerFor(served: ServedMethod, contentType: string, reason: RefusalReason): WrittenAnswer | undefined {
    const key = `${reason} ${served.runtime.placeKind} ${contentType}`;
    if (!answers.has(key)) {
      if (answers.size >= answersMax) {
        answers.clear();
      }
      const type = parseContentType(contentType);
      answers.set(key, type && written(type, pipeline, { served, json, reason }));
    }
    return answers.get(key);
  }

  return {
    refuse(stream, { fields, malformed, tooLarge }, behindMs) {
      if (malformed || tooLarge) {
        return false;
      }
      const served = methods.get(fieldValue(fields, ":path"));
      const reason = served === undefined ? undefined : admission.refusal(served.runtime, behindMs);
      if (served === undefined || reason === undefined || fieldValue(fields, ":method") !== "POST") {
        return false;
      }
      const answer = answerFor(served, fieldValue(fields, "content-type"), reason);
      if (answer === undefined) {
        return false;
      }
      admission.count(reason);
      served.runtime.metrics.started();
      served.runtime.metrics.ended(refusedCode, 0);
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

interface Refused {
  readonly served: ServedMethod;
  readonly json: JsonOptions;
  readonly reason: RefusalReason;
}

function written(type: ContentType, { admission }: CallPipeline, { served, json, reason }: Refused): WrittenAnswer {
  const call = { type, settings: { json }, responseHeaderIfMade: undefined, responseTrailerIfMade: undefined };
  const { status, headers, body, trailers } = dialects[type.protocol].fail(
    call as unknown as Parameters<(typeof dialects)["grpc"]["fail"]>[0],
    admission.error(served.runtime, reason),
  );
  return {
    headers: encodeFields(objectToFields({ ":status": status, ...headers })),
    body,
    trailers:
      trailers instanceof Uint8Array || trailers === undefined ? trailers : encodeFields(objectToFields(trailers)),
  };
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

/** Content types are the caller's own words: only so many are remembered. */
const answersMax = 100;

/** How long the body of a refused request may take to end. */
const bodyWaitMs = 1_000;

/** Streams watched for that at once. Others end with their request or their connection. */
const unendedMax = 10_000;
