import type { Environment } from "@parley/rpc";
import { Counter } from "prom-client";

/** The counters of a relay and an inbox. */
export interface EventMetrics {
  /** Events whose effect became durable. */
  readonly published: Counter;
  /** Events that failed and will be published again. */
  readonly failed: Counter;
  /** Events that took effect here. */
  readonly received: Counter;
  /** Repeated events. */
  readonly repeated: Counter;
  /** Events that became dead letters. */
  readonly deadLettered: Counter;
}

/** The counters of a process, created at the first call. */
export function eventMetrics(registry: Environment["metrics"]): EventMetrics {
  function counter(name: string, help: string): Counter {
    const known = registry.getSingleMetric(name);
    return known instanceof Counter ? known : new Counter({ name, help, registers: [registry] });
  }
  return {
    published: counter("parley_events_published_total", "Events whose effect is durable at all subscribers."),
    failed: counter(
      "parley_events_publish_failures_total",
      "Failed publish attempts of events, which are published again.",
    ),
    received: counter("parley_events_received_total", "Events that took effect in this process."),
    repeated: counter(
      "parley_events_repeated_total",
      "Events that were delivered again after they had taken effect; the inbox ignored them.",
    ),
    deadLettered: counter(
      "parley_events_dead_lettered_total",
      "Events that failed `maxAttempts` times and were dead-lettered.",
    ),
  };
}
