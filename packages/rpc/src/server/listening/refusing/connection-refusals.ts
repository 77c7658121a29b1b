import type { PeerLimit } from "@parley/http2";
import type { Environment } from "../../../environment/environment.ts";
import { valueFamily } from "../../../telemetry/metric-family.ts";

/** The limit that a connection was closed for: the label of the metric. */
export type ConnectionRefusal =
  | "connections_max"
  | "connections_per_address_max"
  | "connections_per_address_per_second_max"
  | "evicted_silent"
  | "evicted_idle"
  | "buffered_response_bytes"
  | "buffered_request_bytes"
  | PeerLimit;

/** The minimum time between two log entries, in milliseconds. */
const logEveryMs = 10_000;

/** Counts connections that were closed at a limit, and logs them at most every ten seconds. */
export function createRefusalReport({
  clock,
  log,
  metrics,
}: Pick<Environment, "clock" | "log" | "metrics">): (refusal: ConnectionRefusal, address: string) => void {
  const refused = valueFamily(metrics, {
    name: "parley_server_connections_refused_total",
    help: "Connections closed because of a limit, by limit.",
    type: "counter",
  });
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  let sinceLogged = 0;
  return (refusal, address) => {
    refused.series({ limit: refusal }).value++;
    sinceLogged++;
    const nowMs = clock.monotonic();
    if (nowMs - loggedAtMs >= logEveryMs) {
      log.warn({ limit: refusal, address, connections: sinceLogged }, "connections closed at a limit");
      loggedAtMs = nowMs;
      sinceLogged = 0;
    }
  };
}
