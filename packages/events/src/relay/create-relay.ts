import { type BackoffOptions, backoffMs, type Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Broker, publishBatchMax } from "../broker/broker.ts";
import type { EventLog, WaitingEvent } from "../event-log.ts";
import { startPeriodic } from "../periodic.ts";
import { createWakeUp } from "../wake-up.ts";
import { registerBacklogMetrics } from "./backlog-metrics.ts";
import { createLeases } from "./leases.ts";
import { pruneLog } from "./prune-log.ts";
import { brokerBackoff, createPublisher } from "./publisher.ts";
import { WaitingEvents } from "./waiting-events.ts";
import { createWaitingReader } from "./waiting-reader.ts";

export interface RelayOptions {
  /** The database of the log, with {@link eventMigrations} applied. */
  readonly database: Database;
  /** Passes on the events that this process appends. Without it the relay reads the log once a second. */
  readonly log?: Pick<EventLog, "onWaiting">;
  readonly broker: Broker;
  readonly environment: Pick<Environment, "clock" | "newId" | "random" | "log" | "metrics">;
  /**
   * This replica's name, unique among those of the service. With the same name, a restarted replica takes its leases over at once.
   * Default: a new name at each start, so that a restarted replica waits until the earlier leases have expired.
   */
  readonly replica?: string;
  /** The time of a lease: how long events wait when a replica dies. Default: 5 s. */
  readonly leaseMs?: number;
  /** How long the first event waits for more. Default: 10 ms. */
  readonly lingerMs?: number;
  /**
   * Under load, the interval between batches that are not full: the events of a batch share the cost of the call
   * and of the commit at its end. Default: 100 ms.
   */
  readonly batchIntervalMs?: number;
  /** Waits between attempts of a failed event. Default: 0.25 s to 30 s. */
  readonly backoff?: BackoffOptions;
  /** How long done events are kept. Default: 7 days. */
  readonly retentionMs?: number;
}

/** Publishes a service's events, each until its effect is durable. */
export interface Relay {
  start(): void;
  /** Waits for batches in flight, at most two seconds, and releases the leases. Unfinished batches are published again later. */
  stop(): Promise<void>;
}

/** Checks the database at this interval: another replica may have appended or died. */
const pollIntervalMs = 1000;
/** How long `stop` waits for the broker's answers. */
const stopGraceMs = 2000;
const eventBackoff: BackoffOptions = { initialMs: 250, maxMs: 30_000, multiplier: 2 };
const pruneIntervalMs = 60_000;
const defaultRetentionMs = 7 * 24 * 60 * 60 * 1000;

/** Creates the relay of a service's events. It does nothing before `start`. */
export function createRelay(options: RelayOptions): Relay {
  const { database, broker, environment, leaseMs = 5000, retentionMs = defaultRetentionMs } = options;
  const { lingerMs = 10, batchIntervalMs = 100, backoff = {} } = options;
  const { clock, log, random } = environment;
  registerBacklogMetrics(database, environment);
  const wakeUp = createWakeUp(clock);
  const leases = createLeases({ database, clock, owner: options.replica ?? environment.newId(), leaseMs });
  const waiting = new WaitingEvents({
    backoffMs: (failures) => backoffMs(failures, random, { ...eventBackoff, ...backoff }),
  });
  const reader = createWaitingReader({ database, clock, leases, leaseMs, waiting });
  const publisher = createPublisher({ database, broker, environment, waiting, onSettled: wakeUp.wake });
  let storeFailures = 0;
  /** Since the last batch. */
  let arrivedCount = 0;
  /** When the last batch that was not full began. */
  let batchAtMs = Number.NEGATIVE_INFINITY;
  let stopping = false;
  let running: Promise<void> | undefined;
  let stopListening: (() => void) | undefined;
  let stopPruning: (() => Promise<void>) | undefined;

  async function run() {
    while (!stopping) {
      wakeUp.reset();
      const more = await fill();
      const batchSize = reader.holdsLeases() ? publisher.dispatch() : 0;
      if (batchSize > 0) {
        arrivedCount = 0;
        // After a full batch, enough events may wait for another one.
        batchAtMs = batchSize < publishBatchMax ? clock.monotonic() : Number.NEGATIVE_INFINITY;
      }
      if (!more || publisher.isFull()) {
        await wakeUp.wait(pauseMs());
        // More events are likely to follow the first one, and share its batch.
        await wakeUp.pause(arrivedCount < publishBatchMax ? untilNextBatchMs() : 0);
      }
    }
  }

  function untilNextBatchMs(): number {
    return Math.max(lingerMs, batchAtMs + batchIntervalMs - clock.monotonic());
  }

  function receive(event: WaitingEvent) {
    reader.receive(event);
    arrivedCount++;
    if (arrivedCount < publishBatchMax) {
      wakeUp.wake();
    } else {
      wakeUp.interrupt();
    }
  }

  async function fill(): Promise<boolean> {
    try {
      const more = await reader.fill();
      storeFailures = 0;
      return more;
    } catch (error) {
      storeFailures++;
      log.warn({ err: error }, "the relay could not read its database");
      return false;
    }
  }

  function pauseMs(): number {
    if (storeFailures > 0) {
      return backoffMs(storeFailures, random, brokerBackoff);
    }
    const nowMs = clock.monotonic();
    const dueMs = [waiting.nextDueMs(nowMs) ?? 0, publisher.notBeforeMs()].filter((ms) => ms > nowMs);
    return Math.min(pollIntervalMs, ...dueMs.map((ms) => ms - nowMs));
  }

  function start() {
    if (running === undefined) {
      stopListening = options.log?.onWaiting(receive);
      running = run();
      const prune = () => pruneLog(database, { beforeMs: clock.now() - retentionMs, nowMs: clock.now() });
      stopPruning = startPeriodic(prune, {
        clock,
        intervalMs: pruneIntervalMs,
        onError: (error) => log.warn({ err: error }, "pruning the event log failed"),
      });
    }
  }

  async function end(run: Promise<void>) {
    stopListening?.();
    wakeUp.close();
    const cancel = clock.after(stopGraceMs, publisher.abort);
    await run;
    await publisher.drain();
    cancel();
    await stopPruning?.();
    await leases.release().catch((error) => log.warn({ err: error }, "the relay could not release its leases"));
  }

  return {
    start,
    async stop() {
      if (running !== undefined && !stopping) {
        stopping = true;
        running = end(running);
      }
      await running;
    },
  };
}
