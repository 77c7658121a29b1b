import type { Registry } from "prom-client";
import type { Clock } from "../../environment/clock.ts";

/** What `GET /metrics` answers. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** A page is rendered at most this often: a scrape costs milliseconds, and nothing reads metrics more often than once a second. */
const renderEveryMs = 1_000;

/** Renders the metrics of a registry: one rendering at a time, at most one a second, whoever asks in between gets the same page. */
export function createMetricsPage(registry: Registry, clock: Clock): () => Promise<MetricsPage> {
  let page: Promise<MetricsPage> | undefined;
  let renderedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonic();
    if (page === undefined || nowMs - renderedAtMs >= renderEveryMs) {
      renderedAtMs = nowMs;
      page = registry.metrics().then((text) => ({ contentType: registry.contentType, text }));
      page.catch(() => {
        page = undefined;
      });
    }
    return page;
  };
}
