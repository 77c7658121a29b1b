import { createHash } from "node:crypto";
import { type Environment, valueFamily } from "@parley/rpc";
import { createRedis } from "../broker/redis/redis-connection.ts";
import type { LimitsOptions, SharedLimits } from "./shared-limits.ts";

/** The time limit of a script. Callers wait for it, so it is short: after it they use the local counters. */
const commandTimeoutDefaultMs = 250;
/** How long only local counters are used after a failure, so that not every caller waits for the time-out of a stopped Redis. */
const pauseMs = 1_000;
/** The most scripts in flight. Further callers use the local counters. */
const openMax = 1_000;
/** One slot of a Redis Cluster, since scripts have several keys. */
const prefix = "parley:{limits}";

/** Shared limits in Redis. While Redis is unreachable, scripts return undefined. Each outage is logged once. */
export function openRedisLimits(
  url: string,
  { clock, log, metrics }: Pick<Environment, "clock" | "log" | "metrics">,
  { commandTimeoutMs = commandTimeoutDefaultMs }: LimitsOptions = {},
): SharedLimits {
  const redis = createRedis(url, { commandTimeoutMs });
  const isShared = valueFamily(metrics, {
    name: "parley_limits_shared",
    help: "1 while limits are shared with other replicas through LIMITS_URL, 0 while this replica counts locally.",
    type: "gauge",
  }).series({});
  const local = valueFamily(metrics, {
    name: "parley_limits_local_total",
    help: "Counts that were not shared with other replicas, because Redis was unreachable, too slow or too busy.",
    type: "counter",
  }).series({});
  let open = 0;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  let isUnreachable = false;
  let isClosed = false;

  function failed(error: unknown): void {
    pausedUntilMs = clock.monotonic() + pauseMs;
    isShared.value = 0;
    if (!isUnreachable) {
      isUnreachable = true;
      log.warn({ err: error }, "Redis of LIMITS_URL is unreachable: each replica counts its limits locally");
    }
  }

  function answered(): void {
    isShared.value = 1;
    if (isUnreachable) {
      isUnreachable = false;
      log.info("Redis of LIMITS_URL is reachable again: limits are shared");
    }
  }

  redis.on("error", failed);
  // Emitted before the first error of a reconnect, and also without an error.
  redis.on("close", () => {
    if (isShared.value === 1 && !isClosed) {
      failed(new Error("The connection to Redis was closed."));
    }
  });

  return {
    async run({ script, keys, values }) {
      if (redis.status !== "ready" || open >= openMax || clock.monotonic() < pausedUntilMs) {
        local.value++;
        return undefined;
      }
      open++;
      try {
        const answer = await redis.eval(script, keys.length, ...keys, ...values);
        answered();
        return answer ?? undefined;
      } catch (error) {
        local.value++;
        failed(error);
        return undefined;
      } finally {
        open--;
      }
    },
    keyOf: (kind, name) => `${prefix}:${kind}:${createHash("sha256").update(name).digest("base64url").slice(0, 22)}`,
    close() {
      isClosed = true;
      redis.disconnect();
    },
  };
}
