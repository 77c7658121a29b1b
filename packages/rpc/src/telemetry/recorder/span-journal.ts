import { type RecordedSpan, traceIdOf } from "./recorded-span.ts";

/** Some seconds of a busy service, hours of a quiet one. */
const recentMax = 4_096;
/** Spans that failed or were slow, and what else is known of their traces: kept beside the recent ones, which pass more quickly. */
const keptMax = 1_024;
/** Traces of which all that is known is kept. */
const keptTracesMax = 256;
/** What the payloads of all kept spans may take, encoded. The oldest are dropped first. */
const payloadBytesMax = 8 * 1024 * 1024;

/** The last spans of a process. Bounded by number, and payloads by bytes. */
export class SpanJournal {
  readonly #recent = new Ring(recentMax);
  readonly #kept = new Ring(keptMax);
  readonly #keptTraces = new Set<string>();
  readonly #withPayload: RecordedSpan[] = [];
  #payloadBytes = 0;

  /** Keeps a span. `important` ones, and what there is of their traces, stay longer. */
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

  /** Whether a trace is among those that are kept longer. */
  keeps(traceId: string): boolean {
    return this.#keptTraces.size > 0 && this.#keptTraces.has(traceId);
  }

  /** The spans of a trace, in no order. */
  ofTrace(traceId: string): readonly RecordedSpan[] {
    const found: RecordedSpan[] = [];
    for (const span of this.all()) {
      if ((span.traceparent ?? span.parent)?.startsWith(traceId, 3) === true) {
        found.push(span);
      }
    }
    return found;
  }

  /** All spans, in no order. */
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

/** The last of some spans. */
class Ring {
  readonly spans: RecordedSpan[] = [];
  readonly #max: number;
  #next = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** The span that had to go for it, if one had to. */
  add(span: RecordedSpan): RecordedSpan | undefined {
    const oldest = this.spans[this.#next];
    this.spans[this.#next] = span;
    this.#next = (this.#next + 1) % this.#max;
    return oldest;
  }
}
