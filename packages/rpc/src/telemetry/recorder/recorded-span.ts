import type { DescMethod } from "@bufbuild/protobuf";
import type { Span, SpanInit, SpanPayload } from "../../environment/spans/span-recorder.ts";

const none: readonly never[] = [];

/** A recorded span. A class, so that all spans have the same hidden class. */
export class RecordedSpan implements Span {
  readonly kind: Span["kind"];
  readonly process: string;
  readonly other: string;
  readonly method: DescMethod | undefined;
  readonly name: string;
  readonly protocol: string;
  traceparent: string | undefined;
  readonly parent: string | undefined;
  readonly startMs: number;
  readonly latencyMs: number;
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly requestId: string;
  readonly peer: string;
  readonly caller: string;
  readonly deadlineLeftMs: number | undefined;
  readonly attempt: number;
  readonly attempts: number;
  readonly batchSize: number;
  readonly marks: readonly number[];
  readonly links: readonly string[];
  readonly tracestate: string;
  readonly requestMessages: number;
  readonly responseMessages: number;
  readonly attributes: Readonly<Record<string, string>> | undefined;
  /** Dropped when the journal's payload budget is exceeded. */
  payload: SpanPayload | undefined;
  /** Whether it was passed to the exporter. */
  exported = false;

  constructor(init: SpanInit, process: string) {
    this.kind = init.kind;
    this.process = init.process ?? process;
    this.other = init.other ?? "";
    this.method = init.method;
    this.name = init.name ?? "";
    this.protocol = init.protocol ?? "";
    this.traceparent = init.traceparent;
    this.parent = init.parent;
    this.startMs = init.startMs;
    this.latencyMs = init.latencyMs;
    this.code = init.code ?? 0;
    this.message = init.message ?? "";
    this.reason = init.reason ?? "";
    this.requestId = init.requestId ?? "";
    this.peer = init.peer ?? "";
    this.caller = init.caller ?? "";
    this.deadlineLeftMs = init.deadlineLeftMs;
    this.attempt = init.attempt ?? 0;
    this.attempts = init.attempts ?? 0;
    this.batchSize = init.batchSize ?? 0;
    this.marks = init.marks ?? none;
    this.links = init.links ?? none;
    this.tracestate = init.tracestate ?? "";
    this.requestMessages = init.requestMessages ?? 0;
    this.responseMessages = init.responseMessages ?? 0;
    this.attributes = init.attributes;
    this.payload = init.payload;
  }
}

/** 32 hexadecimal digits. */
export function traceIdOf(traceparent: string | undefined): string {
  return traceparent === undefined ? "" : traceparent.slice(3, 35);
}

/** 16 hexadecimal digits. */
export function spanIdOf(traceparent: string | undefined): string {
  return traceparent === undefined ? "" : traceparent.slice(36, 52);
}

/** The sampled flag (W3C Trace Context, section 3.2.2.5.1). */
export function isSampled(traceparent: string | undefined): boolean {
  return traceparent !== undefined && (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;
}
