import { create, type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { reasonOf } from "../../call/reason-error.ts";
import {
  callMarks,
  type SpanInit,
  type SpanPayload,
  type SpanRecorder,
  spanKinds,
} from "../../environment/spans/span-recorder.ts";
import type { EndedCall } from "../ended-call.ts";

export interface EndedCallOptions {
  /** Undefined if no spans are recorded. */
  readonly recorder: SpanRecorder | undefined;
  readonly process: string;
  readonly error: ConnectError | undefined;
  readonly latencyMs: number;
}

/** Longer headers are dropped, so that a caller cannot determine the journal's memory use. */
const headerCharsMax = 256;
const messageCharsMax = 1_024;
/** The maximum encoded size of a recorded message, in bytes. Larger ones are dropped. */
const payloadBytesMax = 65_536;

/** Records an ended server call, and the calls inside a batch. */
export function recordServerCall(call: EndedCall, { recorder, process, error, latencyMs }: EndedCallOptions): void {
  if (recorder === undefined) {
    return;
  }
  const { incoming, batched, caller, deadlineMs, startMs } = call;
  const userAgent = incoming.header("user-agent");
  const other = userAgent === undefined ? "" : callerName(userAgent);
  // A batch always gets a trace context, so that its span can link to the traces of its calls.
  const traceparent = batched === undefined ? call.createdTrace?.traceparent : call.trace.traceparent;
  const parent = bounded(incoming.header("traceparent"));
  const span: SpanInit = {
    kind: spanKinds.server,
    process,
    other,
    method: call.method,
    protocol: call.protocolName,
    traceparent,
    parent,
    startMs,
    latencyMs,
    deadlineLeftMs: deadlineMs === Number.POSITIVE_INFINITY ? undefined : deadlineMs - startMs,
    requestId: call.createdRequestId ?? bounded(incoming.header("x-request-id")) ?? "",
    peer: call.peer,
    caller: caller === undefined ? "" : `${caller.kind}:${caller.id}`,
    // Means nothing without a traceparent (W3C Trace Context).
    tracestate: parent === undefined ? "" : (bounded(incoming.header("tracestate")) ?? ""),
    requestMessages: call.requestMessages,
    responseMessages: call.method.methodKind === "unary" && error === undefined ? 1 : call.responseMessages,
  };
  if (error === undefined && batched === undefined && !recorder.keepsPayloads) {
    recorder.record(span);
    return;
  }
  const batchSize = batched?.length ?? 0;
  recorder.record({
    ...span,
    ...failure(error),
    batchSize,
    links: batched?.map(({ traceparent: inside }) => inside).filter((inside) => inside !== "") ?? [],
    payload: recorder.keepsPayloads ? payloadOf(call) : undefined,
  });
  for (const inside of batched ?? []) {
    recorder.record({
      ...span,
      ...failure(error ?? inside.error),
      kind: spanKinds.batched,
      method: inside.method,
      traceparent: inside.traceparent === "" ? undefined : inside.traceparent,
      parent: inside.parent === "" ? undefined : inside.parent,
      startMs: inside.startMs,
      latencyMs: inside.latencyMs,
      requestId: inside.requestId,
      batchSize,
      links: traceparent === undefined ? [] : [traceparent],
      requestMessages: 1,
      responseMessages: inside.error === undefined ? 1 : 0,
    });
  }
}

/** The failure fields of a span. */
export function failure(error: ConnectError | undefined) {
  if (error === undefined) {
    return undefined;
  }
  const reason = reasonOf(error)?.reason ?? "";
  return {
    code: error.code as number,
    message: error.rawMessage.slice(0, messageCharsMax),
    reason,
    ...(reason === "OVERLOADED" ? { marks: [callMarks.shed] } : {}),
  };
}

function payloadOf(call: EndedCall): SpanPayload {
  const request = kept(call.method.input, call.request as Message | undefined);
  const response = kept(call.method.output, call.response as Message | undefined);
  return {
    requestHeader: [...call.incoming.requestHeader],
    responseHeader: call.incoming.createdResponseHeader === undefined ? [] : [...call.incoming.createdResponseHeader],
    request: request?.message,
    response: response?.message,
    bytes: 1_024 + (request?.bytes ?? 0) + (response?.bytes ?? 0),
  };
}

function kept(desc: DescMethod["input"], init: Message | undefined): { message: Message; bytes: number } | undefined {
  if (init === undefined) {
    return undefined;
  }
  try {
    const message = create(desc, init);
    const bytes = toBinary(desc, message).length;
    return bytes > payloadBytesMax ? undefined : { message, bytes };
  } catch {
    // A response that cannot be encoded. The call itself has failed with this error.
    return undefined;
  }
}

function bounded(header: string | undefined): string | undefined {
  return header === undefined || header.length > headerCharsMax ? undefined : header;
}

/** A cache keyed by `user-agent`: there are few distinct values. */
const names = new Map<string, string>();
const namesMax = 256;

/** The first word of a `user-agent`: the name of the calling service on this platform. */
function callerName(userAgent: string): string {
  let name = names.get(userAgent);
  if (name === undefined) {
    name = /^[^\s/]{0,64}/.exec(userAgent)?.[0] ?? "";
    if (userAgent.length <= headerCharsMax && names.size < namesMax) {
      names.set(userAgent, name);
    }
  }
  return name;
}
