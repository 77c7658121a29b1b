import type { Span, SpanInit } from "../../environment/spans/span-recorder.ts";
import { RecordedSpan } from "./recorded-span.ts";

/** The columns of numbers. NaN stands for undefined. */
const number = {
  kind: 0,
  startMs: 1,
  latencyMs: 2,
  deadlineLeftMs: 3,
  attempt: 4,
  attempts: 5,
  requestMessages: 6,
  responseMessages: 7,
} as const;
const numbers = 8;

/** The columns of everything else. */
const value = {
  process: 0,
  other: 1,
  method: 2,
  name: 3,
  protocol: 4,
  traceparent: 5,
  parent: 6,
  requestId: 7,
  peer: 8,
  caller: 9,
  tracestate: 10,
  attributes: 11,
} as const;
const values = 12;

/**
 * A ring buffer of the most recent spans. Ordinary spans are kept in columns, and become objects when they are read: an object for each would
 * outlive V8's young generation, and collecting it would cost more than recording it.
 */
export class SpanRing {
  readonly #max: number;
  readonly #numbers: Float64Array;
  readonly #values: unknown[] = [];
  /** The spans that were read, and those that do not fit into the columns. */
  readonly #objects: (RecordedSpan | undefined)[] = [];
  #next = 0;

  constructor(max: number) {
    this.#max = max;
    this.#numbers = new Float64Array(max * numbers);
  }

  /** The trace context of the span that the next one evicts. Undefined if it evicts none, or one without a trace context. */
  get oldestTraceparent(): string | undefined {
    const oldest = this.#objects[this.#next];
    return oldest === undefined
      ? (this.#values[this.#next * values + value.traceparent] as string | undefined)
      : oldest.traceparent;
  }

  /** The span that the next one evicts. Undefined if it evicts none. */
  get oldest(): RecordedSpan | undefined {
    return this.#next < this.#objects.length ? this.#read(this.#next) : undefined;
  }

  /** The span that was added last. */
  get latest(): RecordedSpan {
    return this.#read((this.#next + this.#max - 1) % this.#max);
  }

  /** All spans, unordered. */
  *all(): Generator<RecordedSpan> {
    for (let at = 0; at < this.#objects.length; at++) {
      yield this.#read(at);
    }
  }

  add(span: SpanInit, process: string): void {
    const at = this.#next;
    this.#next = at + 1 === this.#max ? 0 : at + 1;
    if (!fitsColumns(span)) {
      this.#objects[at] = new RecordedSpan(span, process);
      return;
    }
    this.#objects[at] = undefined;
    const n = this.#numbers;
    const first = at * numbers;
    n[first + number.kind] = span.kind;
    n[first + number.startMs] = span.startMs;
    n[first + number.latencyMs] = span.latencyMs;
    n[first + number.deadlineLeftMs] = span.deadlineLeftMs ?? Number.NaN;
    n[first + number.attempt] = span.attempt ?? 0;
    n[first + number.attempts] = span.attempts ?? 0;
    n[first + number.requestMessages] = span.requestMessages ?? 0;
    n[first + number.responseMessages] = span.responseMessages ?? 0;
    const v = this.#values;
    const start = at * values;
    v[start + value.process] = span.process ?? process;
    v[start + value.other] = span.other;
    v[start + value.method] = span.method;
    v[start + value.name] = span.name;
    v[start + value.protocol] = span.protocol;
    v[start + value.traceparent] = span.traceparent;
    v[start + value.parent] = span.parent;
    v[start + value.requestId] = span.requestId;
    v[start + value.peer] = span.peer;
    v[start + value.caller] = span.caller;
    v[start + value.tracestate] = span.tracestate;
    v[start + value.attributes] = span.attributes;
  }

  /** The span at a place: the same object each time, since its trace context may be created later, and is then kept. */
  #read(at: number): RecordedSpan {
    let span = this.#objects[at];
    if (span === undefined) {
      span = this.#restored(at);
      this.#objects[at] = span;
    }
    return span;
  }

  #restored(at: number): RecordedSpan {
    const n = (column: number) => this.#numbers[at * numbers + column] ?? 0;
    const v = (column: number) => this.#values[at * values + column];
    const deadlineLeftMs = n(number.deadlineLeftMs);
    const init = {
      kind: n(number.kind) as Span["kind"],
      startMs: n(number.startMs),
      latencyMs: n(number.latencyMs),
      deadlineLeftMs: Number.isNaN(deadlineLeftMs) ? undefined : deadlineLeftMs,
      attempt: n(number.attempt),
      attempts: n(number.attempts),
      requestMessages: n(number.requestMessages),
      responseMessages: n(number.responseMessages),
      other: v(value.other),
      method: v(value.method),
      name: v(value.name),
      protocol: v(value.protocol),
      traceparent: v(value.traceparent),
      parent: v(value.parent),
      requestId: v(value.requestId),
      peer: v(value.peer),
      caller: v(value.caller),
      tracestate: v(value.tracestate),
      attributes: v(value.attributes),
    } as SpanInit;
    return new RecordedSpan(init, v(value.process) as string);
  }
}

/** Whether a span has nothing that the columns do not hold: it succeeded, and has no links, marks, batch or payload. */
function fitsColumns({ code = 0, message = "", reason = "", batchSize = 0, marks, links, payload }: SpanInit): boolean {
  return (
    code === 0 &&
    message === "" &&
    reason === "" &&
    batchSize === 0 &&
    payload === undefined &&
    (marks === undefined || marks.length === 0) &&
    (links === undefined || links.length === 0)
  );
}
