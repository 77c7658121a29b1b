import { type Call, MethodKind, SpanKind } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { isAsync, latencyMs, startMs } from "./call.ts";

/** The length of the history, in seconds. */
export const historySeconds = 900;
/** Latency buckets: each is 1.35 times the previous one, from 0.05 ms. The last one contains everything above 25 s. */
const bucketsMax = 44;
const firstBucketMs = 0.05;
const growth = 1.35;

/** The calls from one process to another. */
export interface EdgeSummary {
  readonly from: string;
  readonly to: string;
  readonly perSecond: number;
  readonly errorShare: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly async: boolean;
}

interface Second {
  /** Seconds since 1970. A slot of the ring buffer is reused after {@link historySeconds}. */
  at: number;
  calls: number;
  errors: number;
  readonly latencies: Uint32Array;
}

class Edge {
  readonly from: string;
  readonly to: string;
  readonly async: boolean;
  readonly ring: Second[] = [];

  constructor(from: string, to: string, async: boolean) {
    this.from = from;
    this.to = to;
    this.async = async;
  }

  second(at: number): Second {
    const slot = at % historySeconds;
    let second = this.ring[slot];
    if (second === undefined) {
      second = { at, calls: 0, errors: 0, latencies: new Uint32Array(bucketsMax) };
      this.ring[slot] = second;
    } else if (second.at !== at) {
      second.at = at;
      second.calls = 0;
      second.errors = 0;
      second.latencies.fill(0);
    }
    return second;
  }
}

/** The maximum number of edges that are counted. */
const edgesMax = 200;

/** Counts calls by caller and callee, in a slot for each second of the last 15 minutes. */
export class CallStatistics {
  readonly #edges = new Map<string, Edge>();

  /** `counted`: whether the other side of this call was already counted. */
  add(call: Call, counted: boolean): void {
    // The duration of a stream is not a latency.
    if (counted || !isShown(call) || call.to === "" || call.methodKind > MethodKind.UNARY) {
      return;
    }
    const edge = this.#edge(call);
    if (edge === undefined) {
      return;
    }
    const ms = latencyMs(call);
    const second = edge.second(Math.floor((startMs(call) + ms) / 1_000));
    second.calls += 1;
    if (serverErrors.has(call.code)) {
      second.errors += 1;
    }
    const bucket = Math.max(0, Math.min(bucketsMax - 1, Math.ceil(Math.log(ms / firstBucketMs) / Math.log(growth))));
    second.latencies[bucket] = (second.latencies[bucket] ?? 0) + 1;
  }

  /** A summary of each edge over the last seconds. */
  summaries(seconds: number, nowMs = Date.now()): readonly EdgeSummary[] {
    const now = Math.floor(nowMs / 1_000);
    return [...this.#edges.values()].map((edge) => summaryOf(edge, { after: now - seconds, until: now, seconds }));
  }

  /** Each of the last seconds, oldest first, for the edges that `included` selects. */
  history(included: (from: string, to: string) => boolean, nowMs = Date.now()): readonly SecondSummary[] {
    const now = Math.floor(nowMs / 1_000);
    const edges = [...this.#edges.values()].filter(({ from, to }) => included(from, to));
    return Array.from({ length: historySeconds }, (_, index) => {
      const at = now - historySeconds + 1 + index;
      const latencies = new Float64Array(bucketsMax);
      let [calls, errors] = [0, 0];
      for (const edge of edges) {
        const second = edge.ring[at % historySeconds];
        if (second?.at === at) {
          calls += second.calls;
          errors += second.errors;
          addTo(latencies, second.latencies);
        }
      }
      return { at, calls, errors, p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) };
    });
  }

  #edge(call: Call): Edge | undefined {
    const key = `${call.from}\0${call.to}`;
    let edge = this.#edges.get(key);
    if (edge === undefined && this.#edges.size < edgesMax) {
      edge = new Edge(call.from, call.to, isAsync(call));
      this.#edges.set(key, edge);
    }
    return edge;
  }
}

export interface SecondSummary {
  /** Seconds since 1970. */
  readonly at: number;
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The codes that OpenTelemetry counts as errors of a server span, and overload. NOT_FOUND, for example, is a valid response. */
const serverErrors: ReadonlySet<number> = new Set([2, 4, 8, 12, 13, 14, 15]);

/** Without a broker, only the delivery call of an event counts, because it includes the consumption. With a broker, both hops count. */
function isShown({ kind, from, to, process }: Call): boolean {
  return (
    shown.has(kind) ||
    (kind === SpanKind.EVENT_PUBLISH && to !== "") ||
    (kind === SpanKind.EVENT_CONSUME && brokers.has(from) && to === process)
  );
}

const shown: ReadonlySet<SpanKind> = new Set([SpanKind.SERVER, SpanKind.CLIENT, SpanKind.MAIL, SpanKind.DATABASE]);
/** The brokers of events, which are callers and callees of events. */
export const brokers: ReadonlySet<string> = new Set(["redis", "kafka"]);

function summaryOf(
  edge: Edge,
  { after, until, seconds }: { readonly after: number; readonly until: number; readonly seconds: number },
): EdgeSummary {
  const latencies = new Float64Array(bucketsMax);
  let [calls, errors] = [0, 0];
  for (let at = after; at < until; at++) {
    const second = edge.ring[at % historySeconds];
    if (second?.at === at) {
      calls += second.calls;
      errors += second.errors;
      addTo(latencies, second.latencies);
    }
  }
  return {
    from: edge.from,
    to: edge.to,
    async: edge.async,
    perSecond: calls / seconds,
    errorShare: calls === 0 ? 0 : errors / calls,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
}

function addTo(sum: Float64Array, counts: Uint32Array): void {
  for (let index = 0; index < counts.length; index++) {
    sum[index] = (sum[index] ?? 0) + (counts[index] ?? 0);
  }
}

/** The upper bound of the percentile's bucket: at most a third too high. 0 without calls. */
function percentile(counts: Float64Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let left = total * share;
  for (let index = 0; index < counts.length && total > 0; index++) {
    left -= counts[index] ?? 0;
    if (left <= 0) {
      return firstBucketMs * growth ** index;
    }
  }
  return 0;
}
