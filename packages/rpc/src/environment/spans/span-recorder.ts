import type { DescMethod, Message } from "@bufbuild/protobuf";

/** What a span is of. The numbers are those of `rpc.v1.SpanKind`. */
export const spanKinds = {
  server: 1,
  client: 2,
  attempt: 3,
  batched: 4,
  eventPublish: 5,
  eventConsume: 6,
  mail: 7,
  database: 8,
} as const;

/** What a client did with a call besides sending it. The numbers are those of `rpc.v1.CallMark`. */
export const callMarks = {
  retry: 1,
  transparentRetry: 2,
  hedge: 3,
  breakerOpen: 4,
  retryThrottled: 5,
  shed: 6,
} as const;

/**
 * A span that has ended. References and numbers only, so that keeping one costs next to nothing: text is made when it is read.
 * Everything that a caller may send is bounded before it gets here.
 */
export interface Span {
  readonly kind: (typeof spanKinds)[keyof typeof spanKinds];
  /** The process that recorded it, for example `order`. */
  readonly process: string;
  /** The other end: of a server span the caller's name, of a client span the called process or system. Empty if it is not known. */
  readonly other: string;
  /** The call's method; undefined for what is no call. */
  readonly method: DescMethod | undefined;
  /** What was done, if there is no method. */
  readonly name: string;
  /** `grpc`, `connect` and the like. Empty for what is no call. */
  readonly protocol: string;
  /** Its own W3C trace context. Made when it is first read where nothing needed one before. */
  traceparent: string | undefined;
  /** The trace context of the span that caused it. */
  readonly parent: string | undefined;
  readonly startMs: number;
  readonly latencyMs: number;
  /** The gRPC status. */
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly requestId: string;
  readonly peer: string;
  /** `user:0199…`, or empty. */
  readonly caller: string;
  /** Undefined if there was no deadline. */
  readonly deadlineLeftMs: number | undefined;
  readonly attempt: number;
  readonly attempts: number;
  readonly batchSize: number;
  readonly marks: readonly number[];
  /** The trace contexts of spans that it belongs to without being caused by them. */
  readonly links: readonly string[];
  readonly tracestate: string;
  readonly requestMessages: number;
  readonly responseMessages: number;
  /** By OpenTelemetry's names. */
  readonly attributes: Readonly<Record<string, string>> | undefined;
  readonly payload: SpanPayload | undefined;
}

/** What a call carried. Kept only where {@link SpanRecorder.keepsPayloads}. */
export interface SpanPayload {
  readonly requestHeader: Iterable<readonly [string, string]> | undefined;
  readonly responseHeader: Iterable<readonly [string, string]> | undefined;
  readonly request: Message | undefined;
  readonly response: Message | undefined;
  /** How large the messages are, encoded. */
  readonly bytes: number;
}

/** A span of which only some things are known. */
export type SpanInit = Pick<Span, "kind" | "startMs" | "latencyMs"> & Partial<Span>;

/** Keeps spans, and hands them on. An environment without one records nothing. */
export interface SpanRecorder {
  /** Whether payloads are to be kept with spans. */
  readonly keepsPayloads: boolean;
  /** The flags of a trace context: what a sampler makes of those that came in, or of the id of a new trace. Two hexadecimal digits. */
  flags(traceId: string, parentFlags: string | undefined): string;
  /** A trace context below another; of a new trace if there is none. */
  childOf(traceparent: string | undefined): string;
  /** Keeps a span. One that names no process is this one's. */
  record(span: SpanInit): void;
}
