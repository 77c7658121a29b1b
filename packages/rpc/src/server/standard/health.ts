import { Code } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "@parley/gen/health/v1/health_pb.js";
import { reasonError } from "../../call/reason-error.ts";
import { implement, type ServiceEntry } from "../pipeline/service-module.ts";

/** Whether a server takes calls, as told by grpc.health.v1 and by `GET /health`. */
export interface Health {
  readonly entry: ServiceEntry;
  /** Tells everybody who watches. */
  set(status: "SERVING" | "NOT_SERVING"): void;
  report(): HealthReport;
  /** How many watch. */
  readonly watching: number;
}

export interface HealthReport {
  readonly status: "SERVING" | "NOT_SERVING";
  readonly services: Readonly<Record<string, "SERVING" | "NOT_SERVING">>;
}

/** NOT_SERVING until told otherwise. The name "" stands for the whole server (gRPC's health checking protocol). */
export function createHealth(serviceNames: readonly string[]): Health {
  const known = new Set(["", ...serviceNames]);
  let serving = false;
  /** Those who watch, each until it is woken or gone. */
  const waiting = new Set<() => void>();
  const statusOf = (service: string) => {
    if (!known.has(service)) {
      return Status.SERVICE_UNKNOWN;
    }
    return serving ? Status.SERVING : Status.NOT_SERVING;
  };

  const entry = implement(HealthService, {
    check({ service }) {
      if (!known.has(service)) {
        throw reasonError(Code.NotFound, {
          reason: "SERVICE_UNKNOWN",
          message: `no service "${service.slice(0, nameCharsMax)}" is served here`,
        });
      }
      return { status: statusOf(service) };
    },
    list() {
      return { statuses: Object.fromEntries([...known].map((service) => [service, { status: statusOf(service) }])) };
    },
    async *watch({ service }, { signal }) {
      let told: Status | undefined;
      while (!signal.aborted) {
        const status = statusOf(service);
        if (status !== told) {
          told = status;
          yield { status };
        } else {
          await wokenOrGone(waiting, signal);
        }
      }
    },
  });

  return {
    entry,
    set(status) {
      serving = status === "SERVING";
      for (const wake of [...waiting]) {
        wake();
      }
    },
    get watching() {
      return waiting.size;
    },
    report() {
      const status = serving ? "SERVING" : "NOT_SERVING";
      return { status, services: Object.fromEntries(serviceNames.map((name) => [name, status])) };
    },
  };
}

/** Resolves when the status has changed, or when the watcher is gone: nothing is kept of it then. */
function wokenOrGone(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      waiting.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    waiting.add(wake);
    signal.addEventListener("abort", wake);
  });
}

/** What is told back of a name. */
const nameCharsMax = 200;
