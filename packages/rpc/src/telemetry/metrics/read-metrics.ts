import type { Registry } from "prom-client";

/** An exemplar of a bucket: a call's trace and its measured value. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
  readonly value: number;
  readonly timeMs: number;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** The metric's name with a suffix, for the series of a histogram. */
  readonly metricName?: string | undefined;
  readonly exemplar?: Exemplar | undefined;
}

/** A snapshot of a metric. */
export interface ReadMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly samples: readonly Sample[];
}

interface Readable {
  readonly name: string;
  readonly help: string;
  readonly type: ReadMetric["type"];
  get(): Promise<{ readonly values: readonly Sample[] }>;
}

/** All metrics of a registry, sorted by name. Omits metrics whose computation fails. */
export async function readMetrics(registry: Registry): Promise<readonly ReadMetric[]> {
  const metrics = registry.getMetricsAsArray() as unknown as readonly Readable[];
  const read = await Promise.all(
    metrics.map(async (metric): Promise<readonly ReadMetric[]> => {
      try {
        const { values } = await metric.get();
        return [{ name: metric.name, help: metric.help, type: metric.type, samples: values }];
      } catch {
        return [];
      }
    }),
  );
  return read.flat().sort((one, other) => (one.name < other.name ? -1 : 1));
}
