import type { Environment } from "@parley/rpc";
import { Redis } from "ioredis";

/** A command that takes longer has failed. Longer than a consumer blocks to read. */
const commandTimeoutMs = 5000;
/** Waits between tries to connect: short, since events wait as long after Redis returned. */
const reconnectMaxMs = 1000;

/** Connects, and connects again whenever the connection ends. While there is none, commands fail at once. */
export function connectRedis(url: string, log: Environment["log"]): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // Whoever subscribes does so again on "ready". ioredis would not handle the failure of its own try, which ends the process.
    autoResubscribe: false,
    // What was under way when the connection ended has failed already; sent again it would only be a repeat.
    autoResendUnfulfilledCommands: false,
    commandTimeout: commandTimeoutMs,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), reconnectMaxMs),
  });
  let told = false;
  redis.on("ready", () => {
    told = false;
  });
  redis.on("error", (error) => {
    // Once for each time that Redis is away, not for each try.
    if (!told) {
      told = true;
      log.warn({ err: error }, "Redis cannot be reached");
    }
  });
  return redis;
}

/** Makes a consumer group that begins with the oldest entry, and the stream, where they are missing. */
export async function ensureGroup(redis: Redis, stream: string, group: string): Promise<void> {
  try {
    await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM");
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) {
      throw error;
    }
  }
}
