import type { Environment } from "@parley/rpc";
import { Counter } from "prom-client";

/** What a relay and an inbox count. */
export interface EventMetrics {
  /** Events whose effect became sure. */
  readonly published: Counter;
  /** Events that did not take effect and will be published again. */
  readonly failed: Counter;
  /** Events that had their effect here. */
  readonly received: Counter;
  /** Events that came again after they had had their effect. */
  readonly repeated: Counter;
  /** Events put to the dead letters. */
  readonly deadLettered: Counter;
}

/** The counters of a process, made at the first call. */
export function eventMetrics(registry: Environment["metrics"]): EventMetrics {
  function counter(name: string, help: string): Counter {
    const known = registry.getSingleMetric(name);
    return known instanceof Counter ? known : new Counter({ name, help, registers: [registry] });
  }
  return {
    published: counter("parley_events_published_total", "Events whose effect with all subscribers became sure."),
    failed: counter("parley_events_publish_failures_total", "Events that did not take effect and are published again."),
    received: counter("parley_events_received_total", "Events that were given to a handler and had their effect."),
    repeated: counter("parley_events_repeated_total", "Events that came again after they had had their effect."),
    deadLettered: counter("parley_events_dead_lettered_total", "Events that failed as often as is allowed."),
  };
}
