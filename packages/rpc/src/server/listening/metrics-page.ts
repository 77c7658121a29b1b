import type { Registry } from "prom-client";
import type { Clock } from "../../environment/clock.ts";
import { contentTypes, formatFor, type MetricsFormat, metricsText } from "../../telemetry/metrics/metrics-text.ts";
import { readMetrics } from "../../telemetry/metrics/read-metrics.ts";

/** What `GET /metrics` answers. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** Returns a request for metrics, by its `accept` header. */
export type ReadMetricsPage = (accept: string | undefined) => Promise<MetricsPage>;

/** A page is rendered at most this often: a scrape costs milliseconds, and nothing reads metrics more often than once a second. */
const renderEveryMs = 1_000;

/**
 * Renders the metrics of a registry, in OpenMetrics on request: one rendering of a format at a time, at most one a second for all requests
 * in between gets the same page.
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
