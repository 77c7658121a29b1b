import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { type Health, HealthCheckResponse_ServingStatus as Status } from "@parley/gen/health/v1/health_pb.js";
import type { Clock } from "@parley/rpc";
import type { BackendName } from "./public-services.ts";

/** The health of a process behind the gateway. */
export type BackendState = "SERVING" | "NOT_SERVING" | "UNREACHABLE";

/** The health of the processes behind the gateway. */
export type BackendStates = Readonly<Partial<Record<BackendName, BackendState>>>;

/** The body of the gateway's `GET /health`. */
export interface GatewayHealth {
  /** NOT_SERVING while the gateway itself starts or drains. DEGRADED: it serves, and a process behind it does not. */
  readonly status: "SERVING" | "DEGRADED" | "NOT_SERVING";
  /** The processes that do not serve, if any. */
  readonly degraded?: readonly string[];
  readonly services: BackendStates;
}

/** The health of the gateway and of the processes behind it. */
export function healthReport(serving: boolean, services: BackendStates): GatewayHealth {
  const degraded = Object.entries(services).flatMap(([name, state]) => (state === "SERVING" ? [] : [name]));
  return {
    status: serving ? (degraded.length > 0 ? "DEGRADED" : "SERVING") : "NOT_SERVING",
    ...(degraded.length > 0 ? { degraded } : {}),
    services,
  };
}

/** The time limit of a health check, in milliseconds. */
const checkTimeoutMs = 1_000;

/** How long a result is cached, in milliseconds: frequent health requests cause no more checks. */
const ageMaxMs = 500;

/** Checks each process (grpc.health.v1), all at once. */
export function createBackendHealth(
  clients: ReadonlyMap<BackendName, Client<typeof Health>>,
  clock: Clock,
): () => Promise<BackendStates> {
  let cached: { readonly states: Promise<BackendStates>; readonly endMs: number } | undefined;
  return () => {
    if (cached === undefined || cached.endMs <= clock.monotonic()) {
      cached = { states: checkAll(clients), endMs: clock.monotonic() + ageMaxMs };
    }
    return cached.states;
  };
}

async function checkAll(clients: ReadonlyMap<BackendName, Client<typeof Health>>): Promise<BackendStates> {
  const states = [...clients].map(async ([name, client]) => [name, await stateOf(client)] as const);
  return Object.fromEntries(await Promise.all(states)) as BackendStates;
}

async function stateOf(client: Client<typeof Health>): Promise<BackendState> {
  try {
    const { status } = await client.check({ service: "" }, { timeoutMs: checkTimeoutMs });
    return status === Status.SERVING ? "SERVING" : "NOT_SERVING";
  } catch (error) {
    const { code } = ConnectError.from(error);
    return code === Code.Unavailable || code === Code.DeadlineExceeded ? "UNREACHABLE" : "NOT_SERVING";
  }
}
