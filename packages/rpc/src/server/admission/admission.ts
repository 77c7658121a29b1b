import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";
import type { CallMetrics } from "../../telemetry/call-metrics.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { AdmittedCall, PlaceKind } from "./admitted-call.ts";
import { PlaceBudget, type PlaceRefusal } from "./place-budget.ts";
import { HolderTable } from "./place-holders.ts";

/** The places that a server has for calls. */
export interface Admission {
  /** Throws RESOURCE_EXHAUSTED where no place at all is free, before the request's body is read. Takes none. */
  check(call: AdmittedCall): void;
  /** Takes a place, if the call has none yet. Throws RESOURCE_EXHAUSTED, with the time to wait, if there is none for it. */
  admit(call: AdmittedCall): void;
  /** Gives the call's place back, if it has one. */
  release(call: AdmittedCall): void;
}

/**
 * Refuses calls beyond what the server can do. Unary calls, streams, and the streams of health and reflection have budgets of their own, so
 * that none can take the places of another, and each is shared fairly between connections and callers.
 */
export function createAdmission(limits: ServerLimits, metrics: CallMetrics): Admission {
  const budgets: Readonly<Record<PlaceKind, Budget>> = {
    unary: new Budget("CALLS_MAX", limits.callsMax, limits.callsSharePercent),
    streams: new Budget("STREAMS_MAX", limits.streamsMax, limits.streamsSharePercent),
    diagnostics: new Budget("DIAGNOSTIC_STREAMS_MAX", limits.diagnosticStreamsMax, limits.streamsSharePercent),
  };

  function refuse(kind: PlaceKind, refusal: PlaceRefusal): ConnectError {
    metrics.shed(refusal);
    return overloaded(budgets[kind], refusal, limits);
  }

  return {
    check({ runtime: { placeKind } }) {
      if (placeKind !== undefined && budgets[placeKind].places.taken >= budgets[placeKind].places.placesMax) {
        throw refuse(placeKind, "full");
      }
    },
    admit(call) {
      const kind = call.runtime.placeKind;
      if (call.place !== undefined || kind === undefined) {
        return;
      }
      const { places, table } = budgets[kind];
      const holders = table.of(call);
      const refusal = places.refusal(holders);
      if (refusal !== undefined) {
        throw refuse(kind, refusal);
      }
      places.take(holders);
      metrics.places(kind).value++;
      call.place = { kind, holders };
    },
    release(call) {
      const { place } = call;
      if (place !== undefined) {
        call.place = undefined;
        budgets[place.kind].places.giveBack(place.holders);
        metrics.places(place.kind).value--;
      }
    },
  };
}

class Budget {
  readonly setting: string;
  readonly places: PlaceBudget;
  readonly table = new HolderTable();

  constructor(setting: string, placesMax: number, sharePercent: number) {
    this.setting = setting;
    this.places = new PlaceBudget({ placesMax, sharePercent });
  }
}

const sentences: Readonly<Record<PlaceRefusal, string>> = {
  full: "The server handles as many calls as it may",
  "connection-share": "This connection has its share of the calls that the server may handle",
  "caller-share": "This caller has its share of the calls that the server may handle",
};

function overloaded(
  { setting, places: { placesMax } }: Budget,
  refusal: PlaceRefusal,
  { shedRetryAfterMs }: ServerLimits,
): ConnectError {
  const error = reasonError(Code.ResourceExhausted, {
    reason: refusal === "full" ? "OVERLOADED" : "SHARE_EXCEEDED",
    message: `${sentences[refusal]} (${setting}=${placesMax}). Try again in ${shedRetryAfterMs} ms.`,
    metadata: { limit: setting, max: String(placesMax) },
    retryAfterMs: shedRetryAfterMs,
  });
  // gRPC's proposal A6, section "Pushback".
  error.metadata.set("grpc-retry-pushback-ms", String(shedRetryAfterMs));
  return error;
}
