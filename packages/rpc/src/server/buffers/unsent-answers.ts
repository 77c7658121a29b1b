import type { Environment } from "../../environment/environment.ts";
import { valueFamily } from "../../telemetry/metric-family.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

/** The budgets for answers that wait to be sent, since their callers do not take them. */
export interface UnsentAnswers {
  /** What may wait on one connection, in bytes. Beyond it answers are reset. */
  readonly connectionBytesMax: number;
  /** Beyond this no new calls are taken in on a connection. */
  readonly refuseAboveBytes: number;
  /** So many bytes wait on a connection from now on. May close it, or others. */
  hold(connection: BufferHolder, bytes: number): void;
  /** Counts a call that was reset or refused at the connection's limit. */
  refused(): void;
}

/** Made once for each server. The largest answer fits in any case. */
export function createUnsentAnswers(
  limits: Pick<ServerLimits, "responseBytesMax" | "bufferedResponseBytesMax" | "bufferedResponseBytesPerConnectionMax">,
  { metrics }: Pick<Environment, "metrics">,
): UnsentAnswers {
  const largest = limits.responseBytesMax + framingBytes;
  const connectionBytesMax = Math.max(limits.bufferedResponseBytesPerConnectionMax, largest);
  const held = valueFamily(metrics, {
    name: "parley_server_buffered_response_bytes",
    help: "Bytes of answers that wait to be sent.",
    type: "gauge",
  });
  const refused = valueFamily(metrics, {
    name: "parley_server_buffer_refusals_total",
    help: "Calls refused or reset since too many bytes are buffered, by direction.",
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

/** What the frames and headers around the largest message take at most. */
const framingBytes = 65_536;
