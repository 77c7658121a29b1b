import { type BackoffOptions, backoffMs, type Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Broker, publishBatchMax } from "../broker/broker.ts";
import type { WaitingEvent } from "../event-log.ts";
import { eventMetrics } from "../event-metrics.ts";
import { createDoneMarks } from "./done-marks.ts";
import type { WaitingEvents } from "./waiting-events.ts";

/** The most batches in flight. They have no key in common. */
const inFlightMax = 4;
/** The backoff while the broker is unavailable. Short, since each attempt sends one event and events wait as long once the broker is available. */
export const brokerBackoff: BackoffOptions = { initialMs: 250, maxMs: 5000, multiplier: 2 };

export interface PublisherOptions {
  readonly database: Database;
  readonly broker: Broker;
  readonly environment: Pick<Environment, "clock" | "random" | "log" | "metrics">;
  readonly waiting: WaitingEvents;
  /** Called when a batch has ended. */
  readonly onSettled: () => void;
}

/** Publishes waiting events, a batch at a time, and marks them when their effect is durable. */
export interface Publisher {
  /** Starts as many batches as allowed. Returns the size of the last one; 0 if it started none. */
  dispatch(): number;
  /** Whether no further batch may start now. */
  isFull(): boolean;
  /** When the next attempt after a failure may start, in milliseconds of the monotonic clock. */
  notBeforeMs(): number;
  /** Waits for the batches in flight. */
  drain(): Promise<void>;
  /** Aborts the batches in flight. They are published again later. */
  abort(): void;
}

export function createPublisher({ database, broker, environment, waiting, onSettled }: PublisherOptions): Publisher {
  const { clock, log, random } = environment;
  const metrics = eventMetrics(environment.metrics);
  const inFlight = new Set<Promise<void>>();
  const aborting = new AbortController();
  const marks = createDoneMarks({ database, clock });
  let failures = 0;
  let notBeforeMs = 0;

  // After a failure one event is sent alone: cheap if the broker is still down, and it isolates an event that crashes the consumer.
  const batchesMax = () => (failures > 0 ? 1 : inFlightMax);
  const batchSizeMax = () => (failures > 0 ? 1 : publishBatchMax);

  function dispatch() {
    const nowMs = clock.monotonic();
    let lastCount = 0;
    while (inFlight.size < batchesMax() && nowMs >= notBeforeMs) {
      const batch = waiting.take(batchSizeMax(), nowMs);
      if (batch.length === 0) {
        break;
      }
      const published = publish(batch).finally(() => {
        inFlight.delete(published);
        onSettled();
      });
      inFlight.add(published);
      lastCount = batch.length;
    }
    return lastCount;
  }

  async function publish(batch: readonly WaitingEvent[]) {
    try {
      const events = batch.map((event) => event.outgoing());
      const failed = await broker.publish(events, aborting.signal);
      const failedIds = new Set(failed.map(({ eventId }) => eventId));
      const failedSequences = new Set(events.filter(({ id }) => failedIds.has(id)).map(({ sequence }) => sequence));
      const done = waiting.succeeded(batch, ({ sequence }) => failedSequences.has(sequence));
      await marks.mark(done.map(({ sequence }) => sequence));
      waiting.settle(batch, done, clock.monotonic());
      failures = 0;
      metrics.published.inc(done.length);
      metrics.failed.inc(batch.length - done.length);
      if (failed.length > 0) {
        log.warn(
          { failures: failed.slice(0, 10), failureCount: failed.length },
          "events failed and will be published again",
        );
      }
    } catch (error) {
      publishFailed(batch, error);
    }
  }

  function publishFailed(batch: readonly WaitingEvent[], error: unknown) {
    const nowMs = clock.monotonic();
    // Batches in flight fail together: that is one failure of the broker.
    if (nowMs >= notBeforeMs) {
      failures++;
      notBeforeMs = nowMs + backoffMs(failures, random, brokerBackoff);
    }
    // The key of an event that was sent alone waits for longer than the broker does, so that the next attempt uses another key.
    const holdMs = (tries: number) => notBeforeMs - nowMs + backoffMs(tries, random, brokerBackoff);
    waiting.putBack(batch, holdMs, nowMs);
    if (!aborting.signal.aborted) {
      log.warn(
        { err: error, eventCount: batch.length, failures },
        "events could not be published and will be published again",
      );
    }
  }

  return {
    dispatch,
    isFull: () => inFlight.size >= batchesMax(),
    notBeforeMs: () => notBeforeMs,
    async drain() {
      marks.flush();
      await Promise.all(inFlight);
    },
    abort: () => aborting.abort(),
  };
}
