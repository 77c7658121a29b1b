import { type RecordedSpan, traceIdOf } from "./recorded-span.ts";

/** Some seconds of a busy service, hours of a quiet one. */
const recentMax = 4_096;
/**
 * The maximum number of failed or slow spans, and other spans of their traces. They are kept separately from the recent ones, which are evicted
 * sooner.
 */
const keptMax = 1_024;
/** The maximum number of traces whose spans are all kept. */
const keptTracesMax = 256;
/** The maximum encoded size of all recorded payloads. The oldest are dropped first. */
const payloadBytesMax = 8 * 1024 * 1024;

/** The most recent spans of a process. Bounded by number, and payloads by bytes. */
export class SpanJournal {
  readonly #recent = new Ring(recentMax);
  readonly #kept = new Ring(keptMax);
  readonly #keptTraces = new Set<string>();
  readonly #withPayload: RecordedSpan[] = [];
  #payloadBytes = 0;

  /** Adds a span. `important` spans, and the recorded spans of their traces, are kept longer. */
  add(span: RecordedSpan, important: boolean): void {
    if (span.payload !== undefined) {
      this.#boundPayloads(span);
    }
    if (important) {
      this.#keepTrace(traceIdOf(span.traceparent));
      this.#kept.add(span);
      return;
    }
    const oldest = this.#recent.add(span);
    if (oldest !== undefined && this.#keptTraces.size > 0 && this.#keptTraces.has(traceIdOf(oldest.traceparent))) {
      this.#kept.add(oldest);
    }
  }

  /** Whether a trace is kept longer. */
  keeps(traceId: string): boolean {
    return this.#keptTraces.size > 0 && this.#keptTraces.has(traceId);
  }

  /** The spans of a trace, unordered. */
  ofTrace(traceId: string): readonly RecordedSpan[] {
    const found: RecordedSpan[] = [];
    for (const span of this.all()) {
      if ((span.traceparent ?? span.parent)?.startsWith(traceId, 3) === true) {
        found.push(span);
      }
    }
    return found;
  }

  /** All spans, unordered. */
  *all(): Generator<RecordedSpan> {
    yield* this.#recent.spans;
    yield* this.#kept.spans;
  }

  #keepTrace(traceId: string): void {
    if (traceId === "" || this.#keptTraces.has(traceId)) {
      return;
    }
    if (this.#keptTraces.size >= keptTracesMax) {
      for (const oldest of this.#keptTraces) {
        this.#keptTraces.delete(oldest);
        break;
      }
    }
    this.#keptTraces.add(traceId);
  }

  #boundPayloads(span: RecordedSpan): void {
    this.#withPayload.push(span);
    this.#payloadBytes += span.payload?.bytes ?? 0;
    let dropped = 0;
    while (this.#payloadBytes > payloadBytesMax || this.#withPayload.length - dropped > recentMax) {
      const oldest = this.#withPayload[dropped++];
      if (oldest === undefined) {
        break;
      }
      this.#payloadBytes -= oldest.payload?.bytes ?? 0;
      oldest.payload = undefined;
    }
    if (dropped > 0) {
      this.#withPayload.splice(0, dropped);
    }
  }
}

/** A ring buffer of spans. */
class Ring {
  readonly spans: RecordedSpan[] = [];
  readonly #max: number;
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Returns the evicted span, if there is one. */
  add(span: RecordedSpan): RecordedSpan | undefined {
    const oldest = this.spans[this.#next];
    this.spans[this.#next] = span;
    this.#next = (this.#next + 1) % this.#max;
    return oldest;
  }
}
