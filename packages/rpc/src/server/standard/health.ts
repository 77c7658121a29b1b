import { Code } from "@connectrpc/connect";
import {
  Health as HealthService,
  HealthCheckResponse_ServingStatus as Status,
} from "@parley/gen/health/v1/health_pb.js";
import { reasonError } from "../../call/reason-error.ts";
import { implement, type ServiceEntry } from "../pipeline/service-module.ts";

/** A server's health, as reported by `grpc.health.v1.Health` and by `GET /health`. */
export interface Health {
  readonly entry: ServiceEntry;
  /** Sets the status, and sends it to all open `Watch` streams. */
  set(status: "SERVING" | "NOT_SERVING"): void;
  report(): HealthReport;
  /** Open `Watch` streams. */
  readonly watcherCount: number;
}

export interface HealthReport {
  readonly status: "SERVING" | "NOT_SERVING";
  readonly services: Readonly<Record<string, "SERVING" | "NOT_SERVING">>;
}

/** Creates health with the status NOT_SERVING. The service name "" means the whole server (gRPC health checking protocol). */
export function createHealth(serviceNames: readonly string[]): Health {
  const known = new Set(["", ...serviceNames]);
  let serving = false;
  const watchers = new Set<() => void>();
  const statusOf = (service: string) => {
    if (!known.has(service)) {
      return Status.SERVICE_UNKNOWN;
    }
    return serving ? Status.SERVING : Status.NOT_SERVING;
  };

  const entry = implement(HealthService, {
    check({ service }) {
      checkName(service);
      if (!known.has(service)) {
        throw reasonError(Code.NotFound, {
          reason: "SERVICE_UNKNOWN",
          message: `The service "${service.slice(0, nameCharsMax)}" is not served here.`,
        });
      }
      return { status: statusOf(service) };
    },
    list() {
      return { statuses: Object.fromEntries([...known].map((service) => [service, { status: statusOf(service) }])) };
    },
    async *watch({ service }, { signal }) {
      checkName(service);
      let wake = () => {};
      const onChange = () => wake();
      watchers.add(onChange);
      signal.addEventListener("abort", onChange);
      try {
        let sent: Status | undefined;
        // Ends with its call: when the caller cancels, at the stream's maximum age, or when the server closes.
        while (!signal.aborted) {
          const status = statusOf(service);
          if (status !== sent) {
            sent = status;
            yield { status };
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        watchers.delete(onChange);
        signal.removeEventListener("abort", onChange);
      }
    },
  });

  return {
    entry,
    set(status) {
      serving = status === "SERVING";
      for (const wake of watchers) {
        wake();
      }
    },
    get watcherCount() {
      return watchers.size;
    },
    report() {
      const status = serving ? "SERVING" : "NOT_SERVING";
      return { status, services: Object.fromEntries(serviceNames.map((name) => [name, status])) };
    },
  };
}

/** Limits the name's length, since it stays in memory while its stream is open. Our names have at most 64 characters. */
function checkName(service: string): void {
  if (service.length > nameCharsMax) {
    throw reasonError(Code.InvalidArgument, {
      reason: "INVALID_REQUEST",
      message: `\`service\` must have at most ${nameCharsMax} characters; it has ${service.length}.`,
      fields: [
        { field: "service", description: `must have at most ${nameCharsMax} characters; it has ${service.length}` },
      ],
    });
  }
}

/** The longest accepted name of a service, and the longest part of one that an error repeats, in characters. */
const nameCharsMax = 200;
