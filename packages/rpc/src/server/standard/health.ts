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
}

export interface HealthReport {
  readonly status: "SERVING" | "NOT_SERVING";
  readonly services: Readonly<Record<string, "SERVING" | "NOT_SERVING">>;
}

/** NOT_SERVING until told otherwise. The name "" stands for the whole server (gRPC's health checking protocol). */
export function createHealth(serviceNames: readonly string[]): Health {
  const known = new Set(["", ...serviceNames]);
  let serving = false;
  let change = Promise.withResolvers<void>();
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
    async *watch({ service }) {
      let told: Status | undefined;
      // Ended from outside: by the caller who goes away, or by the server when it closes.
      while (true) {
        const changed = change.promise;
        const status = statusOf(service);
        if (status !== told) {
          told = status;
          yield { status };
        }
        await changed;
      }
    },
  });

  return {
    entry,
    set(status) {
      serving = status === "SERVING";
      const { resolve } = change;
      change = Promise.withResolvers();
      resolve();
    },
    report() {
      const status = serving ? "SERVING" : "NOT_SERVING";
      return { status, services: Object.fromEntries(serviceNames.map((name) => [name, status])) };
    },
  };
}

/** What is told back of a name. */
const nameCharsMax = 200;
