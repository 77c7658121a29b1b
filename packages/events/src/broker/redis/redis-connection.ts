import type { Environment } from "@parley/rpc";
import { Redis } from "ioredis";

/** Time limit of a command. Longer than a consumer's blocking read. */
const commandTimeoutMs = 5000;
/** The longest backoff of reconnects: short, since events wait as long after Redis is available again. */
const reconnectMaxMs = 1000;

/** Connects, and reconnects whenever the connection ends. Without a connection, commands fail at once. Logs each outage once. */
export function connectRedis(url: string, log: Environment["log"]): Redis {
  const redis = createRedis(url, { commandTimeoutMs });
  let isLogged = false;
  redis.on("ready", () => {
    isLogged = false;
  });
  redis.on("error", (error) => {
    // Logged once for each outage, not for each attempt.
    if (!isLogged) {
      isLogged = true;
      log.warn({ err: error }, "Redis is unreachable");
    }
  });
  return redis;
}

export interface RedisOptions {
  readonly commandTimeoutMs: number;
}

/** As {@link connectRedis}, without the log: the caller must listen to "error", which ioredis would otherwise print. */
export function createRedis(url: string, options: RedisOptions): Redis {
  return new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // The caller subscribes again on "ready". If ioredis resubscribed, a failure would be an unhandled rejection and end the process.
    autoResubscribe: false,
    // Commands in flight when the connection ended have failed already; sending them again would only repeat them.
    autoResendUnfulfilledCommands: false,
    commandTimeout: options.commandTimeoutMs,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), reconnectMaxMs),
  });
}

/** Creates a consumer group that begins with the oldest entry, and the stream, if they are missing. */
export async function ensureGroup(redis: Redis, stream: string, group: string): Promise<void> {
  try {
    await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM");
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) {
      throw error;
    }
  }
}
