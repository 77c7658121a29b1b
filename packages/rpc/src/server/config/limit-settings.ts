import type { ValidatorSpec } from "envalid";
import { defaultLimits, type ServerLimits } from "./server-limits.ts";
import { wholeNumber } from "./whole-number.ts";

/** The setting of each limit, with its minimum and maximum. */
const settingsOfLimits = {
  REQUEST_BYTES_MAX: { limit: "requestBytesMax", min: 1_024, max: 1_073_741_824 },
  REQUEST_ELEMENTS_MAX: { limit: "requestElementsMax", min: 100, max: 10_000_000 },
  RESPONSE_BYTES_MAX: { limit: "responseBytesMax", min: 1_024, max: 1_073_741_824 },
  HEADER_BYTES_MAX: { limit: "headerBytesMax", min: 1_024, max: 1_048_576 },
  CALLS_MAX: { limit: "callsMax", min: 1, max: 1_000_000 },
  CALLS_SHARE_PERCENT: { limit: "callsSharePercent", min: 1, max: 100 },
  STREAMS_MAX: { limit: "streamsMax", min: 1, max: 1_000_000 },
  STREAMS_SHARE_PERCENT: { limit: "streamsSharePercent", min: 1, max: 100 },
  DIAGNOSTIC_STREAMS_MAX: { limit: "diagnosticStreamsMax", min: 1, max: 1_000_000 },
  STREAM_AGE_MAX_MS: { limit: "streamAgeMaxMs", min: 0, max: 2_147_483_647 },
  QUEUE_AGE_MAX_MS: { limit: "queueAgeMaxMs", min: 1, max: 600_000 },
  READ_BACKLOG_MAX_MS: { limit: "readBacklogMaxMs", min: 1, max: 600_000 },
  REFUSALS_PER_SECOND_MAX: { limit: "refusalsPerSecondMax", min: 1, max: 1_000_000 },
  READ_TURN_MS: { limit: "readTurnMs", min: 1, max: 10_000 },
  SHED_RETRY_AFTER_MS: { limit: "shedRetryAfterMs", min: 1, max: 600_000 },
  UNARY_TIMEOUT_MS: { limit: "unaryTimeoutMs", min: 1, max: 3_600_000 },
  ACCEPT_QUEUE_MAX: { limit: "acceptQueueMax", min: 1, max: 65_535 },
  CONNECTIONS_MAX: { limit: "connectionsMax", min: 1, max: 1_000_000 },
  CONNECTIONS_PER_ADDRESS_MAX: { limit: "connectionsPerAddressMax", min: 1, max: 1_000_000 },
  CONNECTIONS_PER_ADDRESS_PER_SECOND_MAX: { limit: "connectionsPerAddressPerSecondMax", min: 1, max: 1_000_000 },
  HANDSHAKE_TIMEOUT_MS: { limit: "handshakeTimeoutMs", min: 100, max: 600_000 },
  PIPELINED_REQUESTS_MAX: { limit: "pipelinedRequestsMax", min: 1, max: 10_000 },
  STREAMS_PER_CONNECTION_MAX: { limit: "streamsPerConnectionMax", min: 1, max: 1_000_000 },
  STREAM_RESET_BURST_MAX: { limit: "streamResetBurstMax", min: 1, max: 1_000_000_000 },
  STREAM_RESETS_PER_SECOND_MAX: { limit: "streamResetsPerSecondMax", min: 1, max: 1_000_000_000 },
  OVERHEAD_FRAME_BURST_MAX: { limit: "overheadFrameBurstMax", min: 1_000, max: 1_000_000_000 },
  OVERHEAD_FRAMES_PER_SECOND_MAX: { limit: "overheadFramesPerSecondMax", min: 1, max: 1_000_000_000 },
  BUFFERED_RESPONSE_BYTES_MAX: { limit: "bufferedResponseBytesMax", min: 1_048_576, max: 1_099_511_627_776 },
  BUFFERED_RESPONSE_BYTES_PER_CONNECTION_MAX: {
    limit: "bufferedResponseBytesPerConnectionMax",
    min: 1_048_576,
    max: 1_099_511_627_776,
  },
  BUFFERED_REQUEST_BYTES_MAX: { limit: "bufferedRequestBytesMax", min: 1_048_576, max: 1_099_511_627_776 },
  BUFFERED_REQUEST_BYTES_PER_CONNECTION_MAX: {
    limit: "bufferedRequestBytesPerConnectionMax",
    min: 1_048_576,
    max: 1_099_511_627_776,
  },
  STREAM_WINDOW_BYTES: { limit: "streamWindowBytes", min: 65_535, max: 2_147_483_647 },
  CONNECTION_WINDOW_BYTES: { limit: "connectionWindowBytes", min: 65_536, max: 2_147_483_647 },
  HEADERS_TIMEOUT_MS: { limit: "headersTimeoutMs", min: 100, max: 3_600_000 },
  BODY_IDLE_TIMEOUT_MS: { limit: "bodyIdleTimeoutMs", min: 100, max: 3_600_000 },
  STALL_TIMEOUT_MS: { limit: "stallTimeoutMs", min: 100, max: 3_600_000 },
  REQUEST_TIMEOUT_MS: { limit: "requestTimeoutMs", min: 100, max: 3_600_000 },
  MAX_CONNECTION_AGE_MS: { limit: "connectionAgeMaxMs", min: 0, max: 2_147_483_647 },
  MAX_CONNECTION_AGE_GRACE_MS: { limit: "connectionAgeGraceMs", min: 100, max: 2_147_483_647 },
  CONNECTION_IDLE_TIMEOUT_MS: { limit: "connectionIdleTimeoutMs", min: 100, max: 86_400_000 },
} as const satisfies Record<string, { readonly limit: keyof ServerLimits; readonly min: number; readonly max: number }>;

type LimitSetting = keyof typeof settingsOfLimits;

const entries = Object.entries(settingsOfLimits) as [LimitSetting, (typeof settingsOfLimits)[LimitSetting]][];

/** The settings of all limits. */
export const limitSettings = Object.fromEntries(
  entries.map(([name, { limit, min, max }]) => [name, wholeNumber({ min, max, default: defaultLimits[limit] })]),
) as Readonly<Record<LimitSetting, ValidatorSpec<number>>>;

/** Converts the settings to limits. */
export function limitsOf(values: Readonly<Record<LimitSetting, number>>): ServerLimits {
  return Object.fromEntries(entries.map(([name, { limit }]) => [limit, values[name]])) as unknown as ServerLimits;
}
