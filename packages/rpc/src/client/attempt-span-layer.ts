import { ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import { childSpan } from "../call/trace.ts";
import type { Environment } from "../environment/environment.ts";
import { checkedHeader } from "./call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "./call/call-layer.ts";
import { attemptsMax, type OutgoingSpan, type OutgoingSpans } from "./outgoing-spans.ts";

/**
 * Gives each attempt after the first a span of its own, so that a server's spans belong to the attempt that caused them. The first
 * attempt uses the call's span: nearly all calls have only one. Directly above the transport.
 */
export class AttemptSpanLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #spans: OutgoingSpans;
  readonly #environment: Environment;

  constructor(next: CallLayer, spans: OutgoingSpans, environment: Environment) {
    this.#next = next;
    this.#spans = spans;
    this.#environment = environment;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    return this.#recorded(call, (attempt) => this.#next.unary(attempt));
  }

  stream(call: OutgoingStream): Promise<StreamResponse> {
    return this.#recorded(call, (attempt) => this.#next.stream(attempt));
  }

  #recorded<C extends OutgoingUnary | OutgoingStream, R>(call: C, send: (attempt: C) => Promise<R>): Promise<R> {
    const span = this.#spanOf(call);
    if (span === undefined) {
      return send(call);
    }
    const attempt = this.#begin(span, call);
    return send(attempt.call).then(
      (response) => {
        this.#end(span, attempt, undefined);
        return response;
      },
      (error: unknown) => {
        this.#end(span, attempt, ConnectError.from(error));
        throw error;
      },
    );
  }

  #spanOf({ header }: OutgoingUnary | OutgoingStream): OutgoingSpan | undefined {
    return this.#spans.of(header === undefined ? undefined : checkedHeader(header).find(isTraceparent)?.[1]);
  }

  #begin<C extends OutgoingUnary | OutgoingStream>(span: OutgoingSpan, call: C): Begun<C> {
    const startMs = this.#environment.clock.monotonic();
    span.attempts++;
    if (span.attempts === 1) {
      span.deadlineLeftMs = call.timeoutMs;
      return { call, startMs, traceparent: span.traceparent };
    }
    const traceparent = childSpan(span.traceparent, this.#environment);
    const header = checkedHeader(undefined);
    for (const pair of checkedHeader(call.header)) {
      header.push(isTraceparent(pair) ? ["traceparent", traceparent] : pair);
    }
    return { call: { ...call, header }, startMs, traceparent };
  }

  /** The first attempt is kept only where it failed: another may follow, and is then the call's last. */
  #end(span: OutgoingSpan, { startMs, traceparent }: Begun<unknown>, error: ConnectError | undefined): void {
    if (error === undefined && span.failed === undefined) {
      return;
    }
    span.failed ??= [];
    if (span.failed.length < attemptsMax) {
      const latencyMs = this.#environment.clock.monotonic() - startMs;
      const isFirst = traceparent === span.traceparent;
      span.failed.push({
        traceparent: isFirst ? childSpan(span.traceparent, this.#environment) : traceparent,
        startMs,
        latencyMs,
        error,
      });
    }
  }
}

interface Begun<C> {
  readonly call: C;
  readonly startMs: number;
  readonly traceparent: string;
}

function isTraceparent([name]: readonly [string, string]): boolean {
  return name === "traceparent";
}
