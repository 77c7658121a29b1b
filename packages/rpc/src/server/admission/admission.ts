import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";
import type { CallMetrics } from "../../telemetry/call-metrics.ts";
import type { MetricValue } from "../../telemetry/metric-family.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { AdmittedCall, AdmittedMethod, PlaceKind } from "./admitted-call.ts";
import { PlaceBudget, type PlaceBudgetOptions, type PlaceRefusal } from "./place-budget.ts";
import { HolderTable, type HolderTableOptions } from "./place-holders.ts";

/** The concurrency limits of a server. A call takes a place in the budget of its kind. */
export interface Admission {
  /** Why the server refuses a call of the method, before its caller is known. Undefined if it accepts the call so far. */
  refusal(method: AdmittedMethod, connection: CallConnection): RefusalReason | undefined;
  /**
   * Why the server refuses a call with this `authorization` header. Undefined if it accepts it so far, or if the last authenticated user of the
   * connection had another header.
   */
  refusalOfUser(method: AdmittedMethod, connection: object, authorization: string): RefusalReason | undefined;
  /** RESOURCE_EXHAUSTED with the reason and the retry delay. Does not count the refusal. */
  error(method: AdmittedMethod, reason: RefusalReason): ConnectError;
  /** Counts a refused call. */
  count(reason: RefusalReason): void;
  /** Throws RESOURCE_EXHAUSTED if {@link refusal} has a reason. */
  check(call: AdmittedCall): void;
  /** Takes a place, unless the call has one. Throws RESOURCE_EXHAUSTED, with the retry delay, if the call gets none. */
  admit(call: AdmittedCall): void;
  /** Releases the call's place, if it has one. */
  release(call: AdmittedCall): void;
}

/** What is known of a call's connection before the call exists. */
export interface CallConnection {
  /** The connection, unless it carries calls of many callers. With `caller-share` the caller is assumed to be its address. */
  readonly own?: object | undefined;
  /** In milliseconds: the wait behind other calls of the same connection, while the server reads them as fast as it can. */
  readonly behindMs?: number;
  /** The same on a connection that carries calls of many callers. */
  readonly waitedMs?: number;
}

/**
 * Why a call is refused: no place is free, its connection or caller has reached its share, it would wait for too long, or its client does not
 * read earlier responses.
 */
export type RefusalReason = PlaceRefusal | "read-backlog" | "queue-age" | "unsent-answers";

/**
 * Load shedding: refuses calls above the concurrency limits. Unary calls, streams, and the streams of health and reflection have separate
 * budgets. Connections and callers share each budget fairly.
 */
export function createAdmission(
  limits: ServerLimits,
  { metrics, ...callers }: HolderTableOptions & { readonly metrics: CallMetrics },
): Admission {
  const { streamsSharePercent } = limits;
  const table = () => new HolderTable(callers);
  const budgets: Readonly<Record<PlaceKind, Budget>> = {
    unary: budget("CALLS_MAX", {
      placesMax: limits.callsMax,
      sharePercent: limits.callsSharePercent,
      table: table(),
      taken: metrics.places("unary"),
    }),
    streams: budget("STREAMS_MAX", {
      placesMax: limits.streamsMax,
      sharePercent: streamsSharePercent,
      table: table(),
      taken: metrics.places("streams"),
    }),
    diagnostics: budget("DIAGNOSTIC_STREAMS_MAX", {
      placesMax: limits.diagnosticStreamsMax,
      sharePercent: streamsSharePercent,
      table: table(),
      taken: metrics.places("diagnostics"),
    }),
  };

  const error = (method: AdmittedMethod, reason: RefusalReason) =>
    overloaded(reason, limits, budgets[method.placeKind ?? "unary"]);

  function refuse(method: AdmittedMethod, reason: RefusalReason): ConnectError {
    metrics.shed(reason);
    return error(method, reason);
  }

  function refusal(
    { placeKind, pace }: AdmittedMethod,
    { own, behindMs = 0, waitedMs = 0 }: CallConnection,
  ): RefusalReason | undefined {
    if (placeKind === undefined) {
      return undefined;
    }
    const { places, table } = budgets[placeKind];
    if (places.taken >= places.placesMax) {
      return "full";
    }
    if (placeKind === "unary" && behindMs > limits.readBacklogMaxMs) {
      return "read-backlog";
    }
    const isLate = pace.open >= pace.limit || waitedMs > limits.queueAgeMaxMs;
    if (placeKind === "unary" && isLate) {
      return "queue-age";
    }
    const holders = own && table.ofConnection(own);
    return holders && places.refusal(holders);
  }

  return {
    refusal,
    refusalOfUser({ placeKind }, connection, authorization) {
      if (placeKind === undefined) {
        return undefined;
      }
      const { places, table } = budgets[placeKind];
      const holders = table.ofUser(connection, authorization);
      return holders && places.refusal(holders);
    },
    error,
    count: (reason) => metrics.shed(reason),
    check({ runtime }) {
      const reason = refusal(runtime, {});
      if (reason !== undefined) {
        throw refuse(runtime, reason);
      }
    },
    admit(call) {
      const { runtime } = call;
      if (call.placeHolders !== undefined || runtime.placeKind === undefined) {
        return;
      }
      const { places, table, taken } = budgets[runtime.placeKind];
      const holders = table.of(call);
      const reason = places.refusal(holders);
      if (reason !== undefined) {
        throw refuse(runtime, reason);
      }
      places.take(holders);
      taken.value++;
      runtime.pace.open++;
      call.placeHolders = holders;
    },
    release(call) {
      const { placeHolders, runtime } = call;
      if (placeHolders !== undefined && runtime.placeKind !== undefined) {
        const { places, taken } = budgets[runtime.placeKind];
        call.placeHolders = undefined;
        places.giveBack(placeHolders);
        taken.value--;
        runtime.pace.open--;
      }
    },
  };
}

interface Budget {
  readonly setting: string;
  readonly places: PlaceBudget;
  readonly table: HolderTable;
  readonly taken: MetricValue;
}

function budget(
  setting: string,
  { table, taken, ...options }: PlaceBudgetOptions & Pick<Budget, "table" | "taken">,
): Budget {
  return { setting, places: new PlaceBudget(options), table, taken };
}

const shareExceeded = { reason: "SHARE_EXCEEDED" };
const tooMuch = { reason: "OVERLOADED" };

const sentences: Readonly<Record<RefusalReason, string>> = {
  full: "The server is at its limit of concurrent calls",
  "connection-share": "This connection has reached its share of the server's concurrent calls",
  "caller-share": "This caller has reached its share of the server's concurrent calls",
  "read-backlog": "This connection sends calls faster than the server can handle them",
  "queue-age": "The method has more calls than it can answer in time",
  "unsent-answers": "Too many bytes of earlier responses on this connection are unread",
};

function overloaded(reason: RefusalReason, limits: ServerLimits, { setting, places }: Budget): ConnectError {
  const { shedRetryAfterMs } = limits;
  const [limit, max] = limitOf(reason, limits) ?? [setting, places.placesMax];
  const error = reasonError(Code.ResourceExhausted, {
    ...(reason.endsWith("-share") ? shareExceeded : tooMuch),
    message: `${sentences[reason]} (${limit}=${max}). Try again in ${shedRetryAfterMs} ms.`,
    metadata: { limit, max: String(max) },
    retryAfterMs: shedRetryAfterMs,
  });
  // gRFC A6, section "Pushback".
  error.metadata.set("grpc-retry-pushback-ms", String(shedRetryAfterMs));
  return error;
}

/** The setting and the value of a limit that is not a number of places. */
function limitOf(reason: RefusalReason, limits: ServerLimits): readonly [string, number] | undefined {
  switch (reason) {
    case "read-backlog":
      return ["READ_BACKLOG_MAX_MS", limits.readBacklogMaxMs];
    case "queue-age":
      return ["QUEUE_AGE_MAX_MS", limits.queueAgeMaxMs];
    case "unsent-answers":
      return ["BUFFERED_RESPONSE_BYTES_PER_CONNECTION_MAX", limits.bufferedResponseBytesPerConnectionMax];
    default:
      return undefined;
  }
}
