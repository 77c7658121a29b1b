import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";
import type { CallMetrics } from "../../telemetry/call-metrics.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import type { ServerCall } from "./server-call.ts";

/** The places that a server has for calls. */
export interface Admission {
  /** Takes a place. Throws RESOURCE_EXHAUSTED, with word of when to come back, if none is free. */
  admit(call: ServerCall): void;
  /** Gives the call's place back, if it has one. */
  release(call: ServerCall): void;
}

/**
 * Turns calls away that come on top of what the server can do. Waiting in a queue would not serve them sooner: their
 * callers would give up first, and the work be done for nobody.
 */
export function createAdmission(limits: ServerLimits, metrics: CallMetrics): Admission {
  let taken = 0;
  return {
    admit(call) {
      if (taken >= limits.callsMax) {
        metrics.shed.value++;
        throw overloaded(limits);
      }
      taken++;
      call.admitted = true;
      metrics.inFlight.value++;
    },
    release(call) {
      if (call.admitted) {
        call.admitted = false;
        taken--;
        metrics.inFlight.value--;
      }
    },
  };
}

function overloaded({ callsMax, shedRetryAfterMs }: ServerLimits): ConnectError {
  const error = reasonError(Code.ResourceExhausted, {
    reason: "OVERLOADED",
    message: `the server has ${callsMax} calls under way and takes no more; try again in ${shedRetryAfterMs} ms`,
    metadata: { callsMax: String(callsMax) },
    retryAfterMs: shedRetryAfterMs,
  });
  // gRPC's proposal A6, section "Pushback".
  error.metadata.set("grpc-retry-pushback-ms", String(shedRetryAfterMs));
  return error;
}
