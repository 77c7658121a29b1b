import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Broker, publishBatchMax } from "../broker/broker.ts";
import type { EventLog } from "../event-log.ts";
import { eventMetrics } from "../event-metrics.ts";
import { decodeEvent } from "../log/log-reader.ts";
import { startPeriodic } from "../periodic.ts";
import { createWakeUp } from "../wake-up.ts";
import { type Backoff, backoffMs } from "./backoff.ts";
import { createLeases } from "./leases.ts";
import { markDone, readWaiting, type WaitingRow } from "./outbox.ts";
import { pruneLog } from "./prune-log.ts";
import { WaitingEvents } from "./waiting-events.ts";

export interface RelayOptions {
  /** The database of the log, with {@link eventMigrations} applied. */
  readonly database: Database;
  /** Wakes the relay when events were appended. Without it the relay looks once a second. */
  readonly log?: Pick<EventLog, "onAppended">;
  readonly broker: Broker;
  readonly environment: Pick<Environment, "clock" | "newId" | "random" | "log" | "metrics">;
  /**
   * This replica's name, unique among those of the service. One that is the same after a restart takes its leases up at once.
   * Default: a new one, which waits until the leases of the one before have run out.
   */
  readonly replica?: string;
  /** How long a lease lasts: how long events wait when a replica dies. Default: 5 s. */
  readonly leaseMs?: number;
  /** How long to wait for more events to go along with the first. Default: 10 ms. */
  readonly lingerMs?: number;
  /** Waits between tries of an event that failed. Default: 0.25 s to 30 s. */
  readonly backoff?: Backoff;
  /** How long events are kept after they happened, once they are done. Default: 7 days. */
  readonly retentionMs?: number;
}

/** Publishes a service's events, each until its effect is sure. */
export interface Relay {
  start(): void;
  /** Ends what is under way, at most for two seconds, and gives the leases back. What was cut off is published again later. */
  stop(): Promise<void>;
}

/** Events in memory, at most: enough for the batches under way and some that are held back. */
const waitingMax = 1000;
/** Batches given to the broker at the same time, at most. They have no key in common. */
const inFlightMax = 4;
/** Looks again after this long even if nobody woke it: another replica may have appended or died. */
const pollIntervalMs = 1000;
/** Reads from the beginning again after this long, for what another replica gave back or committed late. */
const rescanIntervalMs = 5000;
/** Waits between tries of a broker that cannot be reached. Short, since one event alone is tried: how long all wait after it returned. */
const brokerBackoff: Backoff = { initialMs: 250, maxMs: 5000 };
/** How long `stop` waits for the broker's answers. */
const stopGraceMs = 2000;
const pruneIntervalMs = 60_000;

export function createRelay(options: RelayOptions): Relay {
  const {
    database,
    broker,
    environment,
    leaseMs = 5000,
    lingerMs = 10,
    retentionMs = 7 * 24 * 60 * 60 * 1000,
  } = options;
  const { backoff = { initialMs: 250, maxMs: 30_000 } } = options;
  const { clock, log, random } = environment;
  const metrics = eventMetrics(environment.metrics);
  const leases = createLeases({ database, clock, owner: options.replica ?? environment.newId(), leaseMs });
  const waiting = new WaitingEvents({ backoffMs: (failures) => backoffMs(failures, backoff, random) });
  const wakeUp = createWakeUp(clock);
  const inFlight = new Set<Promise<void>>();
  const abort = new AbortController();
  let partitions: readonly number[] = [];
  let leasedUntilMs = Number.NEGATIVE_INFINITY;
  let renewAtMs = Number.NEGATIVE_INFINITY;
  let rescanAtMs = 0;
  let readThrough = 0;
  let brokerFailures = 0;
  let brokerNotBeforeMs = 0;
  let storeFailures = 0;
  let stopping = false;
  let running: Promise<void> | undefined;
  let stopListening: (() => void) | undefined;
  let stopPruning: (() => Promise<void>) | undefined;

  async function run() {
    while (!stopping) {
      wakeUp.reset();
      let more = false;
      try {
        await renewLeases();
        more = await fill();
        storeFailures = 0;
      } catch (error) {
        storeFailures++;
        log.warn({ err: error }, "the relay could not read its database");
      }
      dispatch();
      if (!more || inFlight.size >= inFlightMax) {
        await pause();
      }
    }
  }

  async function pause() {
    await wakeUp.wait(pauseMs());
    // Woken by one event, others are likely to follow: they go along.
    if (lingerMs > 0) {
      await wakeUp.linger(lingerMs);
    }
  }

  function pauseMs(): number {
    const nowMs = clock.monotonic();
    if (storeFailures > 0) {
      return backoffMs(storeFailures, brokerBackoff, random);
    }
    const dueMs = [waiting.nextDueMs(nowMs), brokerNotBeforeMs].filter((ms) => ms !== undefined && ms > nowMs);
    return Math.min(pollIntervalMs, ...dueMs.map((ms) => (ms ?? 0) - nowMs));
  }

  async function renewLeases() {
    const nowMs = clock.monotonic();
    if (nowMs < renewAtMs) {
      return;
    }
    const before = new Set(partitions);
    partitions = await leases.renew();
    leasedUntilMs = nowMs + leaseMs;
    renewAtMs = nowMs + leaseMs / 3;
    waiting.keepPartitions(new Set(partitions));
    if (partitions.some((number) => !before.has(number))) {
      readThrough = 0;
    }
  }

  /** Reads more waiting events into memory. True if there may be still more. */
  async function fill(): Promise<boolean> {
    const room = waitingMax - waiting.size;
    if (room < publishBatchMax || partitions.length === 0) {
      return false;
    }
    if (clock.monotonic() >= rescanAtMs) {
      rescanAtMs = clock.monotonic() + rescanIntervalMs;
      readThrough = 0;
    }
    const rows = await readWaiting(database, { partitions, after: readThrough, limit: room });
    waiting.add(rows);
    readThrough = rows.at(-1)?.sequence ?? readThrough;
    return rows.length === room;
  }

  function dispatch() {
    const nowMs = clock.monotonic();
    // A lease that has run out, after a pause of the process for one, may be another's by now.
    while (inFlight.size < batchesAllowed() && nowMs < leasedUntilMs && nowMs >= brokerNotBeforeMs) {
      const batch = waiting.take(brokerFailures > 0 ? 1 : publishBatchMax, nowMs);
      if (batch.length === 0) {
        return;
      }
      const published = publish(batch).finally(() => {
        inFlight.delete(published);
        wakeUp.wake();
      });
      inFlight.add(published);
    }
  }

  // After a failure one event is tried alone: cheap if the broker is still down, and one that no call survives is found out.
  function batchesAllowed() {
    return brokerFailures > 0 ? 1 : inFlightMax;
  }

  async function publish(batch: readonly WaitingRow[]) {
    try {
      const events = batch.map(decodeEvent);
      const failures = await broker.publish(events, abort.signal);
      const failedIds = new Set(failures.map((failure) => failure.eventId));
      const failedSequences = new Set(
        events.filter((event) => failedIds.has(event.id)).map((event) => Number(event.sequence)),
      );
      const done = waiting.succeeded(batch, (row) => failedSequences.has(row.sequence));
      await markDone(
        database,
        done.map((row) => row.sequence),
      );
      waiting.settle(batch, done, clock.monotonic());
      metrics.published.inc(done.length);
      metrics.failed.inc(batch.length - done.length);
      brokerFailures = 0;
      if (failures.length > 0) {
        log.warn(
          { failures: failures.slice(0, 10), failureCount: failures.length },
          "events did not take effect and will be published again",
        );
      }
    } catch (error) {
      brokerFailed(batch, error);
    }
  }

  function brokerFailed(batch: readonly WaitingRow[], error: unknown) {
    const nowMs = clock.monotonic();
    if (nowMs >= brokerNotBeforeMs) {
      brokerFailures++;
      brokerNotBeforeMs = nowMs + backoffMs(brokerFailures, brokerBackoff, random);
    }
    // One that was tried alone is held back for longer than the broker is, so that the next try is of another key.
    waiting.putBack(batch, batch.length === 1 ? 2 * brokerNotBeforeMs - nowMs : 0);
    if (stopping) {
      return;
    }
    log.warn(
      { err: error, eventCount: batch.length, failures: brokerFailures },
      "events could not be published and will be again",
    );
  }

  return {
    start() {
      if (running === undefined) {
        stopListening = options.log?.onAppended(wakeUp.wake);
        running = run();
        stopPruning = startPeriodic(() => pruneLog(database, clock.now() - retentionMs), {
          clock,
          intervalMs: pruneIntervalMs,
          onError: (error) => log.warn({ err: error }, "pruning the event log failed"),
        });
      }
    },
    async stop() {
      if (running === undefined || stopping) {
        return running;
      }
      stopping = true;
      stopListening?.();
      wakeUp.close();
      const cancel = clock.after(stopGraceMs, () => abort.abort());
      await running;
      await Promise.all(inFlight);
      cancel();
      await stopPruning?.();
      await leases.release().catch((error) => log.warn({ err: error }, "the relay could not give its leases back"));
    },
  };
}
