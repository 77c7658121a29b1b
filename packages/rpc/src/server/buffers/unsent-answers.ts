import type { Environment } from "../../environment/environment.ts";
import { valueFamily } from "../../telemetry/metric-family.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

/** The budgets for unsent responses of slow clients. */
export interface UnsentAnswers {
  /** The unsent bytes that one connection may have. Above it, responses are reset. */
  readonly connectionBytesMax: number;
  /** A connection with more unsent bytes accepts no new calls. */
  readonly refuseAboveBytes: number;
  /** Sets the unsent bytes of a connection. May close it, or others. */
  hold(connection: BufferHolder, bytes: number): void;
  /** Counts a call that was reset or refused because of the connection's limit. */
  refused(): void;
}

/** Each server has one instance. The budgets are at least large enough for the largest response. */
export function createUnsentAnswers(
  limits: Pick<ServerLimits, "responseBytesMax" | "bufferedResponseBytesMax" | "bufferedResponseBytesPerConnectionMax">,
  { metrics }: Pick<Environment, "metrics">,
): UnsentAnswers {
  const largest = limits.responseBytesMax + framingBytes;
  const connectionBytesMax = Math.max(limits.bufferedResponseBytesPerConnectionMax, largest);
  const held = valueFamily(metrics, {
    name: "parley_server_buffered_response_bytes",
    help: "Bytes of responses in memory that are not sent yet.",
    type: "gauge",
  });
  const refused = valueFamily(metrics, {
    name: "parley_server_buffer_refusals_total",
    help: "Calls refused or reset because too many bytes are buffered, by direction.",
    type: "counter",
  });
  const budget = new BufferBudget(Math.max(limits.bufferedResponseBytesMax, largest), held.series({}));
  const refusals = refused.series({ direction: "response" });
  return {
    connectionBytesMax,
    refuseAboveBytes: connectionBytesMax / 2,
    hold: (connection, bytes) => budget.hold(connection, bytes),
    refused: () => {
      refusals.value++;
    },
  };
}

/** The maximum of the frames and headers around the largest message. */
const framingBytes = 65_536;
