import type { Environment } from "@parley/rpc";
import { text } from "@parley/rpc/server";
import type { LimitsOptions, SharedLimits } from "./shared-limits.ts";

/** The setting of services with limits that all replicas share. */
export const limitsSettings = {
  LIMITS_URL: text({
    default: undefined,
    desc: "The Redis through which replicas share rate limits and failed sign-ins: redis://host:port. Without it, each replica counts locally.",
  }),
};

/** An invalid LIMITS_URL. */
export class LimitsUrlError extends Error {
  override readonly name = "LimitsUrlError";
  /** The invalid environment variable: a service exits with code 2 and only the message. */
  readonly setting = "LIMITS_URL";
}

/** Opens the counters that a URL names, `redis://host:port` or `rediss://` over TLS. Undefined without a URL. Throws {@link LimitsUrlError}. */
export async function openLimits(
  url: string | undefined,
  environment: Pick<Environment, "clock" | "log" | "metrics">,
  options: LimitsOptions = {},
): Promise<SharedLimits | undefined> {
  if (url === undefined || url === "") {
    return undefined;
  }
  const parsed = URL.parse(url);
  if (parsed === null || !["redis:", "rediss:"].includes(parsed.protocol) || parsed.hostname === "") {
    // The message does not contain the URL, which may have a password.
    throw new LimitsUrlError("LIMITS_URL is invalid: expected redis://host:port or rediss://host:port.");
  }
  // Loaded only where it is used.
  const { openRedisLimits } = await import("./redis-limits.ts");
  return openRedisLimits(url, environment, options);
}
