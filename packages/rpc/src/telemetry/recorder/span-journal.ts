import type { SpanInit } from "../../environment/spans/span-recorder.ts";
import { type RecordedSpan, traceIdOf } from "./recorded-span.ts";
import { SpanRing } from "./span-ring.ts";

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
  readonly #recent = new SpanRing(recentMax);
  readonly #kept: RecordedSpan[] = [];
  #nextKept = 0;
  readonly #keptTraces = new Set<string>();
  readonly #withPayload: RecordedSpan[] = [];
  #payloadBytes = 0;

  /** Adds a span to the recent ones. */
  add(span: SpanInit, process: string): void {
    if (this.#keptTraces.size > 0 && this.#keptTraces.has(traceIdOf(this.#recent.oldestTraceparent))) {
      this.#addKept(this.#recent.oldest);
    }
    this.#recent.add(span, process);
    if (span.payload !== undefined) {
      this.#boundPayloads(this.#recent.latest);
    }
  }

  /** The span that was added last. */
  get latest(): RecordedSpan {
    return this.#recent.latest;
  }

  /** Adds an important span: it, and the recorded spans of its trace, are kept longer. */
  keep(span: RecordedSpan): void {
    if (span.payload !== undefined) {
      this.#boundPayloads(span);
    }
    this.#keepTrace(traceIdOf(span.traceparent));
    this.#addKept(span);
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
    yield* this.#recent.all();
    yield* this.#kept;
  }

  #addKept(span: RecordedSpan | undefined): void {
    if (span !== undefined) {
      this.#kept[this.#nextKept] = span;
      this.#nextKept = (this.#nextKept + 1) % keptMax;
    }
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
