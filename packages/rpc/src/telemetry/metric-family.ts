import type { Metric, Registry } from "prom-client";
import type { Exemplar, Sample } from "./metrics/read-metrics.ts";

/**
 * A histogram of durations. prom-client's own histogram looks up its labels for every value, which would cost a call more than its retry policy.
 * This one counts in place, and the registry reads it on each scrape.
 */
export class DurationHistogram {
  readonly counts: number[] = new Array<number>(bucketBoundsSeconds.length + 1).fill(0);
  count = 0;
  sumSeconds = 0;
  /** A recent traced call of each bucket; a sampled one has precedence. Undefined until there is one. */
  exemplars: (ExemplarCall | undefined)[] | undefined;

  /** @param traceparent the span of this duration, for the bucket's exemplar */
  observe(seconds: number, traceparent?: string): void {
    let bucket = 0;
    while (seconds > (bucketBoundsSeconds[bucket] ?? Number.POSITIVE_INFINITY)) {
      bucket++;
    }
    const count = (this.counts[bucket] ?? 0) + 1;
    this.counts[bucket] = count;
    this.count++;
    this.sumSeconds += seconds;
    if (
      traceparent !== undefined &&
      (count <= everyExemplarUpTo || count % exemplarInterval === 0 || isSampled(traceparent))
    ) {
      this.#keep(bucket, traceparent, seconds);
    }
  }

  #keep(bucket: number, traceparent: string, seconds: number): void {
    this.exemplars ??= new Array<undefined>(bucketBoundsSeconds.length + 1).fill(undefined);
    const kept = this.exemplars[bucket];
    if (kept === undefined) {
      this.exemplars[bucket] = { traceparent, seconds, timeMs: Date.now() };
    } else if (isSampled(traceparent) || !isSampled(kept.traceparent)) {
      kept.traceparent = traceparent;
      kept.seconds = seconds;
      kept.timeMs = Date.now();
    }
  }
}

/** The first calls of a bucket all become its exemplar, later only one of {@link exemplarInterval}, and sampled ones. */
const everyExemplarUpTo = 64;
const exemplarInterval = 16;

interface ExemplarCall {
  traceparent: string;
  seconds: number;
  timeMs: number;
}

/** The sampled flag in the last digit (W3C Trace Context, section 3.2.2.5.1). */
function isSampled(traceparent: string): boolean {
  return (traceparent.charCodeAt(54) & 1) === 1;
}

/** A counter or a gauge. */
export class MetricValue {
  value = 0;
}

/** From 0.1 ms to 30 s, the range of an order platform's latencies. The server's histogram has the same. */
const bucketBoundsSeconds: readonly number[] = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/** A metric with one series for each set of labels. */
export interface MetricFamily<T> {
  /** The series with these labels, created on first use. Keep the result: the look-up is slow, counting is fast. */
  series(labels: Readonly<Record<string, string>>): T;
}

interface FamilyOptions {
  readonly name: string;
  readonly help: string;
}

/** A histogram of durations in the registry. Returns the existing one if there is one. */
export function durationFamily(registry: Registry, options: FamilyOptions): MetricFamily<DurationHistogram> {
  return family(registry, {
    ...options,
    type: "histogram",
    make: () => new DurationHistogram(),
    samples: durationSamples,
  });
}

/** A counter or a gauge in the registry. Returns the existing one if there is one. */
export function valueFamily(
  registry: Registry,
  options: FamilyOptions & { readonly type: "counter" | "gauge" },
): MetricFamily<MetricValue> {
  return family(registry, {
    ...options,
    make: () => new MetricValue(),
    samples: (labels, { value }) => [{ labels, value }],
  });
}

/**
 * A metric whose values are computed when it is scraped, at most once a second. Replaces a metric with the same name. If the computation fails, for
 * example because a database is unavailable, the metric has no values.
 */
export function readFamily(
  registry: Registry,
  {
    name,
    help,
    type,
    read,
  }: FamilyOptions & { readonly type: "counter" | "gauge"; read(): readonly Sample[] | Promise<readonly Sample[]> },
): void {
  const get = async () => ({ name, help, type, aggregator: "sum", values: [...(await valuesOf(read))] });
  registry.removeSingleMetric(name);
  registry.registerMetric({ name, help, type, aggregator: "sum", get, reset: () => {} } as unknown as Metric);
}

async function valuesOf(read: () => readonly Sample[] | Promise<readonly Sample[]>): Promise<readonly Sample[]> {
  try {
    return await read();
  } catch {
    return [];
  }
}

interface Family<T> extends FamilyOptions {
  readonly type: "histogram" | "counter" | "gauge";
  readonly make: () => T;
  readonly samples: (labels: Readonly<Record<string, string>>, histogram: T, name: string) => readonly Sample[];
}

const families = new WeakMap<Registry, Map<string, MetricFamily<unknown>>>();

function family<T>(registry: Registry, { name, help, type, make, samples }: Family<T>): MetricFamily<T> {
  let known = families.get(registry);
  if (known === undefined) {
    known = new Map();
    families.set(registry, known);
  }
  const existing = known.get(name);
  if (existing !== undefined && registry.getSingleMetric(name) !== undefined) {
    return existing as MetricFamily<T>;
  }
  const all = new Map<string, { readonly labels: Readonly<Record<string, string>>; readonly histogram: T }>();
  const metric = {
    name,
    help,
    type,
    aggregator: "sum",
    get: async () => ({
      name,
      help,
      type,
      aggregator: "sum",
      values: [...all.values()].flatMap(({ labels, histogram }) => samples(labels, histogram, name)),
    }),
    reset: () => all.clear(),
  };
  // prom-client's types accept only its own classes, but the registry calls only `get` and `reset`.
  registry.registerMetric(metric as unknown as Metric);
  const made: MetricFamily<T> = {
    series(labels) {
      const key = JSON.stringify(labels);
      let entry = all.get(key);
      if (entry === undefined) {
        entry = { labels, histogram: make() };
        all.set(key, entry);
      }
      return entry.histogram;
    },
  };
  known.set(name, made as MetricFamily<unknown>);
  return made;
}

function durationSamples(
  labels: Readonly<Record<string, string>>,
  { counts, count, sumSeconds, exemplars }: DurationHistogram,
  name: string,
): Sample[] {
  let below = 0;
  const metricName = `${name}_bucket`;
  const samples: Sample[] = bucketBoundsSeconds.map((bound, index) => {
    below += counts[index] ?? 0;
    return { labels: { le: bound, ...labels }, value: below, metricName, exemplar: exemplarOf(exemplars?.[index]) };
  });
  const last = exemplarOf(exemplars?.[bucketBoundsSeconds.length]);
  samples.push(
    { labels: { le: "+Inf", ...labels }, value: count, metricName, exemplar: last },
    { labels, value: sumSeconds, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  );
  return samples;
}

function exemplarOf(call: ExemplarCall | undefined): Exemplar | undefined {
  return call === undefined
    ? undefined
    : {
        traceId: call.traceparent.slice(3, 35),
        spanId: call.traceparent.slice(36, 52),
        value: call.seconds,
        timeMs: call.timeMs,
      };
}
