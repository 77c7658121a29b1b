import { childTrace } from "../../call/trace.ts";
import type { Environment } from "../../environment/environment.ts";
import { type SpanInit, type SpanRecorder, spanKinds } from "../../environment/spans/span-recorder.ts";
import { RecordedSpan, traceIdOf } from "./recorded-span.ts";
import { createSampler, type Sampler } from "./sampler.ts";
import { SpanJournal } from "./span-journal.ts";

/** The exporter of sampled spans. */
export interface SpanSink {
  /** Accepts a span, or drops and counts it. Never waits. */
  add(span: RecordedSpan): void;
}

/** Called for every span when it ends, with the end time on the clock's `monotonic`. `read` costs more than recording the span. */
export type SpanListener = (read: () => RecordedSpan, endMs: number) => void;

export interface RecorderOptions {
  /** The process's name. Default `server`. */
  readonly process?: string;
  /** Selects the traces to export. Default: none, at no cost. */
  readonly sampler?: Sampler;
  /** Whether to record headers and messages of calls. Default: false. */
  readonly payloads?: boolean;
  /** The duration from which a unary call counts as slow: it is kept longer, and exported even if it was not sampled. Default 1,000 ms. */
  readonly slowMs?: number;
  /** Receives the spans of sampled traces. Default: none. */
  readonly sink?: SpanSink | undefined;
}

/** A span that was just recorded. */
interface Recorded {
  readonly read: () => RecordedSpan;
  readonly isImportant: boolean;
}

const slowDefaultMs = 1_000;
/** A difference above this means that the wall clock was set back; a smaller one is its resolution. */
const clockStepMs = 2;
/** The interval in which the clocks are compared. Reading the wall clock for each span would be a tenth of the cost of recording it. */
const compareMs = 10;
/** The maximum number of traces per second that are looked up in the journal for a late export: a flood of failures must not add load. */
const lateTracesPerSecondMax = 20;

/**
 * The span recorder of one process: keeps recent spans, passes each to watchers, and those of sampled traces to an exporter. Recording a span costs
 * a copy of its fields. It adds the trace context to those that need one.
 */
export class Recorder implements SpanRecorder {
  readonly keepsPayloads: boolean;
  readonly journal: SpanJournal = new SpanJournal();
  readonly #environment: Pick<Environment, "clock" | "random">;
  readonly #process: string;
  readonly #sampler: Sampler;
  readonly #slowMs: number;
  readonly #sink: SpanSink | undefined;
  readonly #listeners = new Set<SpanListener>();
  #epochMs: number;
  #comparedMs = Number.NEGATIVE_INFINITY;
  readonly #readLatest = () => this.journal.latest;
  #lateSecond = 0;
  #lateCount = 0;

  constructor(environment: Pick<Environment, "clock" | "random">, options: RecorderOptions = {}) {
    this.#environment = environment;
    this.#process = options.process ?? "server";
    this.#sampler = options.sampler ?? createSampler("parentbased_always_off", 0);
    this.keepsPayloads = options.payloads ?? false;
    this.#slowMs = options.slowMs ?? slowDefaultMs;
    this.#sink = options.sink;
    this.#epochMs = environment.clock.now() - environment.clock.monotonic();
  }

  flags(traceId: string, parentFlags: string | undefined): string {
    if (parentFlags === undefined) {
      return this.#sampler.isSampled(traceId, undefined) ? "01" : "00";
    }
    const parent = Number.parseInt(parentFlags, 16);
    const isSampled = this.#sampler.isSampled(traceId, (parent & 1) === 1);
    const flags = (parent & ~1) | (isSampled ? 1 : 0);
    return flags < 16 ? `0${flags.toString(16)}` : flags.toString(16);
  }

  childOf(traceparent: string | undefined): string {
    return childTrace(traceparent, { random: this.#environment.random, recorder: this }).traceparent;
  }

  record(init: SpanInit): void {
    const endMs = init.startMs + init.latencyMs;
    this.#adjustClock(endMs);
    const isImportant = (init.code ?? 0) !== 0 || (init.latencyMs >= this.#slowMs && isBounded(init));
    if (isImportant || this.#sink !== undefined) {
      init.traceparent ??= this.childOf(init.parent);
    }
    let read = this.#readLatest;
    if (isImportant) {
      const span = new RecordedSpan(init, this.#process);
      this.journal.keep(span);
      read = () => span;
    } else {
      this.journal.add(init, this.#process);
    }
    for (const listener of this.#listeners) {
      listener(read, endMs);
    }
    if (this.#sink !== undefined) {
      this.#export(init, { read, isImportant });
    }
  }

  /** The span's own trace context. Created on first use. */
  traceparentOf(span: RecordedSpan): string {
    span.traceparent ??= this.childOf(span.parent);
    return span.traceparent;
  }

  /** Converts a time of the monotonic clock to milliseconds since the Unix epoch, with a fraction. */
  epochMs(monotonicMs: number): number {
    return this.#epochMs + monotonicMs;
  }

  /** Passes each span from now on to the listener. Call the result to unsubscribe. */
  listen(listener: SpanListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #export({ traceparent = "", kind }: SpanInit, { read, isImportant }: Recorded): void {
    // The last digit contains the sampled flag.
    if ((traceparent.charCodeAt(54) & 1) === 1 || this.journal.keeps(traceIdOf(traceparent))) {
      this.#handOver(read());
    }
    if (isImportant && kind === spanKinds.server && this.#mayLookUp()) {
      for (const earlier of this.journal.ofTrace(traceIdOf(traceparent))) {
        this.#handOver(earlier);
      }
    }
  }

  #handOver(span: RecordedSpan): void {
    if (!span.exported) {
      span.exported = true;
      this.#sink?.add(span);
    }
  }

  #mayLookUp(): boolean {
    const second = Math.floor(this.#environment.clock.monotonic() / 1_000);
    if (second !== this.#lateSecond) {
      this.#lateSecond = second;
      this.#lateCount = 0;
    }
    return this.#lateCount++ < lateTracesPerSecondMax;
  }

  /** The wall clock is rounded down to whole milliseconds, so the largest difference seen is the most accurate. */
  #adjustClock(endMs: number): void {
    if (endMs >= this.#comparedMs && endMs < this.#comparedMs + compareMs) {
      return;
    }
    this.#comparedMs = endMs;
    const epochMs = this.#environment.clock.now() - endMs;
    if (epochMs > this.#epochMs || epochMs < this.#epochMs - clockStepMs) {
      this.#epochMs = epochMs;
    }
  }
}

/** The duration of a stream says nothing about slowness. */
function isBounded({ method }: SpanInit): boolean {
  return method === undefined || method.methodKind === "unary";
}
