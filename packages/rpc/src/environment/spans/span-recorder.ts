import type { DescMethod, Message } from "@bufbuild/protobuf";

/** The kind of a span. The numbers are those of `rpc.v1.SpanKind`. */
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

/** A client's special handling of a call. The numbers are those of `rpc.v1.CallMark`. */
export const callMarks = {
  retry: 1,
  transparentRetry: 2,
  hedge: 3,
  breakerOpen: 4,
  retryThrottled: 5,
  shed: 6,
} as const;

/**
 * A finished span. References and numbers only, so that keeping one costs almost nothing: text is made when it is read.
 * Everything that a caller may send was bounded before.
 */
export interface Span {
  readonly kind: (typeof spanKinds)[keyof typeof spanKinds];
  /** The process that recorded it, for example `order`. */
  readonly process: string;
  /** The peer: of a server span the caller's name, of a client span the called process or system. Empty if unknown. */
  readonly other: string;
  /** The call's method; undefined for other spans. */
  readonly method: DescMethod | undefined;
  /** The operation, if there is no method. */
  readonly name: string;
  /** `grpc`, `connect` and the like. Empty if it is not a call. */
  readonly protocol: string;
  /** Its own W3C trace context. Created when it is first read, unless a call needed one before. */
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
  /** The trace contexts of related spans that did not cause it. */
  readonly links: readonly string[];
  readonly tracestate: string;
  readonly requestMessages: number;
  readonly responseMessages: number;
  /** With OpenTelemetry's names. */
  readonly attributes: Readonly<Record<string, string>> | undefined;
  readonly payload: SpanPayload | undefined;
}

/** The call's messages. Kept only with {@link SpanRecorder.keepsPayloads}. */
export interface SpanPayload {
  readonly requestHeader: Iterable<readonly [string, string]> | undefined;
  readonly responseHeader: Iterable<readonly [string, string]> | undefined;
  readonly request: Message | undefined;
  readonly response: Message | undefined;
  /** The encoded size of the messages. */
  readonly bytes: number;
}

/** A span with some of its properties. */
export type SpanInit = Pick<Span, "kind" | "startMs" | "latencyMs"> & Partial<Span>;

/** Records spans. An environment without one records nothing. */
export interface SpanRecorder {
  /** Whether payloads are kept with spans. */
  readonly keepsPayloads: boolean;
  /** The flags of a trace context: a sampler's decision from the received flags, or from the id of a new trace. Two hexadecimal digits. */
  flags(traceId: string, parentFlags: string | undefined): string;
  /** A trace context below another; of a new trace if there is none. */
  childOf(traceparent: string | undefined): string;
  /** Records a span. One without a process is this one's. */
  record(span: SpanInit): void;
}
