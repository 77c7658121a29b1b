import type { Environment } from "../../environment/environment.ts";
import type { ServerLimits } from "../config/server-limits.ts";

/** ± 10 %, as in gRPC (gRFC A9), so that connections opened together do not all end together. */
const jitter = 0.1;
/** The time limit for the client's PING acknowledgement after the first GOAWAY, in milliseconds. */
const goawaySeenMs = 5000;

export interface ConnectionAgeOptions {
  readonly limits: Pick<ServerLimits, "connectionAgeMaxMs" | "connectionAgeGraceMs">;
  readonly environment: Pick<Environment, "clock" | "random">;
}

/** A connection with a maximum age. */
export interface AgingConnection {
  /** The maximum age is reached: asks the client to open a new connection. */
  retire(): void;
  /** The grace period is over: closes the connection with its calls. */
  cut(): void;
}

/**
 * Ends a connection at its maximum age (`MAX_CONNECTION_AGE_MS`), so that its client reconnects and finds new servers. Returns a function that
 * cancels the timers.
 */
export function limitAge(connection: AgingConnection, { limits, environment }: ConnectionAgeOptions): () => void {
  const { clock, random } = environment;
  const { connectionAgeMaxMs: ageMs, connectionAgeGraceMs: graceMs } = limits;
  if (ageMs === 0) {
    return () => {};
  }
  let cancel = clock.after(ageMs * (1 - jitter + 2 * jitter * random()), () => {
    cancel = clock.after(graceMs, () => connection.cut());
    connection.retire();
  });
  return () => cancel();
}

interface Http2Parts {
  announceClose(): void;
  ping(answered: () => void): void;
  close(): void;
}

/**
 * Graceful shutdown of an HTTP/2 connection in two steps (RFC 9113, section 6.8): a GOAWAY that still accepts all streams, then, after a PING
 * acknowledgement, a GOAWAY with the last stream id. It refuses no call that is already on its way.
 */
export function goAwayInTwoSteps(connection: Http2Parts, clock: Environment["clock"]): void {
  connection.announceClose();
  const cancel = clock.after(goawaySeenMs, () => connection.close());
  connection.ping(() => {
    cancel();
    connection.close();
  });
}
