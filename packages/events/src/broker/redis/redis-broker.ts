import { toBinary } from "@bufbuild/protobuf";
import { DeliverRequestSchema } from "@parley/gen/event/v1/event_service_pb.js";
import type { Environment } from "@parley/rpc";
import type { OutgoingEvent } from "../../event-log.ts";
import type { EventType } from "../../event-types.ts";
import { causeOf } from "../../inbox/failure-cause.ts";
import type { FailedDelivery } from "../../inbox/inbox.ts";
import { startPeriodic } from "../../periodic.ts";
import { type Broker, BrokerUnavailableError } from "../broker.ts";
import { binaryDeliverRequest, ofTypes } from "../deliver-request.ts";
import { connectRedis, ensureGroup } from "./redis-connection.ts";
import { replyChannelOf, streamOf } from "./redis-names.ts";
import { decodeReply } from "./redis-reply.ts";
import { entryState, trimAcknowledged } from "./redis-stream.ts";

export interface RedisBrokerOptions {
  /** For example `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** The service whose events are published, as in {@link EventLogOptions}. */
  readonly source: string;
  /** The consumer groups in which each event must take effect: the names of the subscribers. */
  readonly groups: readonly string[];
  /** Only events of these types are published; others count as done. Default: all. */
  readonly types?: readonly EventType[];
  readonly environment: Pick<Environment, "clock" | "log" | "newId">;
  /** How often to check an entry without a reply. Default: 2 s. */
  readonly checkIntervalMs?: number;
}

/** The interval of trimming. Only entries of crashed relays are left to trim, and these are few. */
const trimIntervalMs = 60_000;

/**
 * Publishes through a Redis Stream. A batch is one entry, and is done when each group has replied that its effect is durable:
 * Redis may lose entries (with `appendfsync everysec` a second of them), so its acknowledgement proves nothing.
 */
export function createRedisBroker(options: RedisBrokerOptions): Broker {
  const { url, source, groups, types, environment, checkIntervalMs = 2000 } = options;
  const { clock, log } = environment;
  const stream = streamOf(source);
  const redis = connectRedis(url, log);
  const subscriber = connectRedis(url, log);
  const waiting = new Map<string, PendingEntry>();

  subscriber.on("ready", () => {
    subscriber
      .subscribe(replyChannelOf(source))
      .catch((error) => log.warn({ err: error }, "subscribing to the replies of consumers failed"));
  });
  subscriber.on("message", (_, text) => {
    const reply = decodeReply(text);
    if (reply !== undefined) {
      waiting.get(reply.batchId)?.replied(reply.group, reply.failures);
    }
  });

  const stopTrimming = startPeriodic(() => trimAcknowledged(redis, stream, groups), {
    clock,
    intervalMs: trimIntervalMs,
    onError: (error) => log.warn({ err: error, stream }, "trimming the stream failed"),
  });

  async function publish(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<readonly FailedDelivery[]> {
    const wanted = ofTypes(events, types);
    if (wanted.length === 0 || groups.length === 0) {
      return [];
    }
    const batchId = environment.newId();
    const entry = createPendingEntry(groups, signal);
    // Registered before XADD: the reply may arrive before the response to XADD.
    waiting.set(batchId, entry);
    let stopChecking: (() => Promise<void>) | undefined;
    try {
      const entryId = await add(batchId, wanted);
      stopChecking = startPeriodic(() => check(entryId, entry), { clock, intervalMs: checkIntervalMs, onError() {} });
      const failures = await entry.outcome;
      // All groups have handled the entry. If this fails, trimming deletes it later.
      redis.xdel(stream, entryId).catch(() => {});
      return failures;
    } finally {
      waiting.delete(batchId);
      void stopChecking?.();
    }
  }

  async function add(batchId: string, events: readonly OutgoingEvent[]): Promise<string> {
    const request = toBinary(DeliverRequestSchema, binaryDeliverRequest(events));
    try {
      for (const group of groups) {
        await ensureGroup(redis, stream, group);
      }
      const entryId = await redis.xadd(stream, "*", "batch", batchId, "request", Buffer.from(request));
      if (entryId === null) {
        throw new Error("Redis returned no entry id");
      }
      return entryId;
    } catch (cause) {
      throw new BrokerUnavailableError(`Redis did not accept events: ${causeOf(cause)}`, { cause });
    }
  }

  /** Detects a lost reply and a lost entry. If Redis is down, this fails, and the next check runs again. */
  async function check(entryId: string, entry: PendingEntry) {
    for (const group of groups) {
      const state = await entryState(redis, { stream, group, entryId });
      if (state === "gone" || (state === "acknowledged" && entry.lacks(group))) {
        entry.fail(`the outcome of entry ${entryId} is unknown`);
      }
    }
  }

  return {
    publish,
    async close() {
      await stopTrimming();
      for (const entry of waiting.values()) {
        entry.fail("the broker was closed");
      }
      redis.disconnect();
      subscriber.disconnect();
    },
  };
}

/** An entry with missing replies. */
interface PendingEntry {
  readonly outcome: Promise<readonly FailedDelivery[]>;
  replied(group: string, failures: readonly FailedDelivery[]): void;
  lacks(group: string): boolean;
  fail(why: string): void;
}

function createPendingEntry(groups: readonly string[], signal: AbortSignal): PendingEntry {
  const missing = new Set(groups);
  const failures = new Map<string, FailedDelivery>();
  const { promise, resolve, reject } = Promise.withResolvers<readonly FailedDelivery[]>();
  const abort = () => reject(new BrokerUnavailableError("publishing was aborted before all consumers replied"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) {
    abort();
  }
  // The waiting call handles it. If the entry could not be created, no call waits.
  promise.catch(() => {}).finally(() => signal.removeEventListener("abort", abort));
  return {
    outcome: promise,
    replied(group, failed) {
      for (const failure of failed) {
        failures.set(failure.eventId, failure);
      }
      missing.delete(group);
      if (missing.size === 0) {
        resolve([...failures.values()]);
      }
    },
    lacks: (group) => missing.has(group),
    fail: (why) => reject(new BrokerUnavailableError(why)),
  };
}
