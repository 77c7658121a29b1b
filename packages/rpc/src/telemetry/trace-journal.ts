import type { ConnectError } from "@connectrpc/connect";
import type { RouteOptions } from "fastify";
import type { Trace } from "../call/trace.ts";
import type { Clock } from "../environment/clock.ts";
import { statusNames } from "./call-metrics.ts";
import type { EndedCall } from "./ended-call.ts";

/** A call that ended, as `GET /traces/{traceId}` tells of it. It says nothing of what was asked or answered. */
export interface TracedCall {
  /** For example `order.v1.OrderService`. */
  readonly service: string;
  readonly method: string;
  /** Where it came from: an address, or the name on a client certificate. */
  readonly peer: string;
  /** The first word of the `user-agent`: who a service of the platform says that it is. Empty without one. */
  readonly caller: string;
  /** Empty where the call had no need of one: it was neither logged nor made calls of its own. */
  readonly spanId: string;
  /** The span that the caller sent. Empty if the trace began here. */
  readonly parentSpanId: string;
  /** When it began, in milliseconds since the Unix epoch, with a fraction. */
  readonly startTimeMs: number;
  readonly durationMs: number;
  /** The name of the gRPC status, for example `OK`. */
  readonly code: string;
}

/** What is kept of a call: a reference or a number each, so that keeping it costs next to nothing. */
interface Entry {
  readonly method: EndedCall["method"];
  /** Undefined where nobody has asked for it. */
  readonly trace: Trace | undefined;
  readonly traceparent: string | undefined;
  readonly userAgent: string | undefined;
  readonly peer: string;
  readonly startMs: number;
  readonly latencyMs: number;
  readonly code: number;
}

/** Some seconds of a busy service, hours of a quiet one, and less than 1 MB. */
const entriesMax = 2_048;

/** More calls of one trace than anybody reads: the rest is left out of an answer, and the answer says so. */
const answerEntriesMax = 256;

/** Longer ones are not kept: whoever sends them must not decide how much memory the journal takes. */
const headerCharsMax = 256;

/** The wall clock was set back, and does not only lag behind by its resolution. */
const clockStepMs = 2;

/**
 * The last calls that a server answered, so that the way of a request through the services can be shown without anything to
 * collect traces. Only calls whose trace somebody knows are kept: those that came with a `traceparent`, were logged, or made
 * calls of their own.
 */
export class TraceJournal {
  readonly #clock: Clock;
  readonly #entries: Entry[] = [];
  #next = 0;
  /** Between the monotonic clock and the epoch. */
  #epochMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#epochMs = clock.now() - clock.monotonic();
  }

  /** Keeps a call that has ended. The oldest is forgotten for it. */
  record(call: EndedCall, error: ConnectError | undefined, latencyMs: number): void {
    const { incoming, startMs, traceIfMade: trace } = call;
    const traceparent = bounded(incoming.header("traceparent"));
    if (trace === undefined && traceparent === undefined && call.batched === undefined) {
      return;
    }
    // The wall clock counts whole milliseconds, rounded down: the largest difference seen is the nearest to the truth.
    const epochMs = this.#clock.now() - startMs - latencyMs;
    if (epochMs > this.#epochMs || epochMs < this.#epochMs - clockStepMs) {
      this.#epochMs = epochMs;
    }
    const common = { userAgent: bounded(incoming.header("user-agent")), peer: incoming.peer, startMs, latencyMs };
    if (trace !== undefined || traceparent !== undefined) {
      this.#add({ ...common, method: call.method, trace, traceparent, code: error?.code ?? 0 });
    }
    for (const one of call.batched ?? []) {
      if (one.traceparent !== "") {
        const { method, traceparent } = one;
        this.#add({ ...common, method, trace: undefined, traceparent, code: (error ?? one.error)?.code ?? 0 });
      }
    }
  }

  #add(entry: Entry): void {
    this.#entries[this.#next] = entry;
    this.#next = (this.#next + 1) % entriesMax;
  }

  /** The calls of a trace, in the order in which they began. */
  callsOf(traceId: string): readonly TracedCall[] {
    return this.#entries
      .filter(({ trace, traceparent }) => (trace?.traceId ?? traceIdOf(traceparent)) === traceId)
      .sort((one, other) => one.startMs - other.startMs)
      .map((entry) => this.#traced(entry));
  }

  #traced({ method, trace, traceparent, userAgent, peer, startMs, latencyMs, code }: Entry): TracedCall {
    return {
      service: method.parent.typeName,
      method: method.name,
      peer,
      caller: userAgent === undefined ? "" : (/^[^\s/]{0,64}/.exec(userAgent)?.[0] ?? ""),
      spanId: trace === undefined ? "" : spanOf(trace.traceparent),
      parentSpanId:
        traceparent !== undefined && (trace === undefined || traceIdOf(traceparent) === trace.traceId)
          ? spanOf(traceparent)
          : "",
      startTimeMs: this.#epochMs + startMs,
      durationMs: latencyMs,
      code: statusNames[code] ?? "UNKNOWN",
    };
  }
}

/** `GET /traces/{traceId}` on a service's own port, see {@link traceAnswer}. */
export function traceRoute(journal: TraceJournal): RouteOptions {
  return {
    method: "GET",
    url: "/traces/:traceId",
    handler: (request, reply) => {
      const { status, body } = traceAnswer(journal, (request.params as { traceId: string }).traceId);
      return reply.code(status).header("cache-control", "no-store").send(body);
    },
  };
}

/** `{"calls": [...], "truncated": false}`; 400 where the text is no trace id (W3C Trace Context, section 3.2.2.3). */
export function traceAnswer(
  journal: TraceJournal,
  traceId: string,
): { readonly status: number; readonly body: object } {
  if (!/^[0-9a-f]{32}$/.test(traceId)) {
    return { status: 400, body: { code: "invalid_argument", message: "a trace id is 32 hexadecimal digits" } };
  }
  const calls = journal.callsOf(traceId);
  return {
    status: 200,
    body: { calls: calls.slice(0, answerEntriesMax), truncated: calls.length > answerEntriesMax },
  };
}

function bounded(header: string | undefined): string | undefined {
  return header === undefined || header.length > headerCharsMax ? undefined : header;
}

function traceIdOf(traceparent: string | undefined): string | undefined {
  return traceparent?.slice(3, 35);
}

function spanOf(traceparent: string): string {
  return traceparent.slice(36, 52);
}
