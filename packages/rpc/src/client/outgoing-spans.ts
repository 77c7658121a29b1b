import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { callMarks, type SpanRecorder, spanKinds } from "../environment/spans/span-recorder.ts";
import { failure } from "../telemetry/recorder/server-span.ts";

/** The span of a call in flight. */
export interface OutgoingSpan {
  readonly traceparent: string;
  readonly startMs: number;
  attempts: number;
  /** What the first attempt left until the deadline. */
  deadlineLeftMs?: number | undefined;
  /** Attempts that ended, where there was more than one. */
  failed: Attempt[] | undefined;
}

/** One attempt of a call. */
export interface Attempt {
  readonly traceparent: string;
  readonly startMs: number;
  readonly latencyMs: number;
  readonly error: ConnectError | undefined;
}

export interface AttemptsOf {
  readonly process: string;
  readonly other: string;
  readonly method: DescMethod;
  readonly requestId: string;
  readonly recorder: SpanRecorder;
}

/** Attempts of one call that are kept: a call that waits for a connection may make many. */
export const attemptsMax = 16;

/** The spans of a client's calls in flight, by the context of their attempts. */
export class OutgoingSpans {
  readonly #open = new Map<string, OutgoingSpan>();

  open(span: OutgoingSpan): void {
    this.#open.set(span.traceparent, span);
  }

  /** The span of the call that this trace context was made for. */
  of(traceparent: string | undefined): OutgoingSpan | undefined {
    return traceparent === undefined ? undefined : this.#open.get(traceparent);
  }

  close(span: OutgoingSpan): void {
    this.#open.delete(span.traceparent);
  }

  /** Records the attempts of a call that took several. */
  recordAttempts(span: OutgoingSpan, { recorder, ...call }: AttemptsOf): void {
    const attempts = (span.failed ?? []).toSorted((one, other) => one.startMs - other.startMs);
    for (const [index, { traceparent, startMs, latencyMs, error }] of attempts.entries()) {
      const before = attempts[index - 1];
      // Sent while the one before was not answered yet: a hedge (A6, "Hedging Policy").
      const isHedge = before !== undefined && startMs < before.startMs + before.latencyMs;
      recorder.record({
        ...call,
        ...failure(error),
        kind: spanKinds.attempt,
        protocol: "grpc",
        traceparent,
        parent: span.traceparent,
        startMs,
        latencyMs,
        attempt: index + 1,
        attempts: span.attempts,
        marks: index === 0 ? [] : [isHedge ? callMarks.hedge : callMarks.retry],
      });
    }
  }
}
