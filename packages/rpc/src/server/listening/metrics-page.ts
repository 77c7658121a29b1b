import type { Registry } from "prom-client";
import type { Clock } from "../../environment/clock.ts";
import { contentTypes, formatFor, type MetricsFormat, metricsText } from "../../telemetry/metrics/metrics-text.ts";
import { readMetrics } from "../../telemetry/metrics/read-metrics.ts";

/** The response to `GET /metrics`. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** Renders the metrics in the format of the `accept` header. */
export type ReadMetricsPage = (accept: string | undefined) => Promise<MetricsPage>;

/** The minimum time between two renderings of a format: one costs milliseconds, and scrape intervals are at least a second. */
const renderEveryMs = 1_000;

/**
 * Renders the metrics of a registry, in OpenMetrics on request. Each format is rendered at most once a second; requests in between get the
 * same page.
 */
export function createMetricsPage(registry: Registry, clock: Clock): ReadMetricsPage {
  const pages: Partial<Record<MetricsFormat, { readonly page: Promise<MetricsPage>; readonly atMs: number }>> = {};
  return (accept) => {
    const format = formatFor(accept);
    const atMs = clock.monotonic();
    let made = pages[format];
    if (made === undefined || atMs - made.atMs >= renderEveryMs) {
      made = { page: render(registry, format), atMs };
      pages[format] = made;
    }
    return made.page;
  };
}

async function render(registry: Registry, format: MetricsFormat): Promise<MetricsPage> {
  return { contentType: contentTypes[format], text: metricsText(await readMetrics(registry), format) };
}
