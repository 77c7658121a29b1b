import type { Environment } from "../../environment/environment.ts";
import type { ServerLimits } from "../config/server-limits.ts";

/** ± 10 %, as in gRPC (proposal A9), so that the connections of one moment do not all end at another. */
const jitter = 0.1;
/** How long the client may take to show that it has read the first GOAWAY, in milliseconds. */
const goawaySeenMs = 5000;

export interface ConnectionAgeOptions {
  readonly limits: Pick<ServerLimits, "connectionAgeMaxMs" | "connectionAgeGraceMs">;
  readonly environment: Pick<Environment, "clock" | "random">;
}

/** A connection that ends for its age. */
export interface AgingConnection {
  /** It is old enough: asks the client to make new calls elsewhere. */
  retire(): void;
  /** The grace is over: cuts what is left. */
  cut(): void;
}

/**
 * Ends a connection that has become old (`MAX_CONNECTION_AGE_MS`): clients connect anew, and so find servers that have come since. Returns what forgets the
 * connection when it ends before.
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

/** What of an HTTP/2 connection is needed to send its client away. */
interface Http2Parts {
  announceClose(): void;
  ping(answered: () => void): void;
  close(): void;
}

/**
 * Sends the client of an HTTP/2 connection away in two steps (RFC 9113, section 6.8): a GOAWAY that still admits every call, then, once a PING has come back, so
 * that the client has read it, one that names the last call. No call on its way is turned away.
 */
export function goAwayInTwoSteps(connection: Http2Parts, clock: Environment["clock"]): void {
  connection.announceClose();
  const cancel = clock.after(goawaySeenMs, () => connection.close());
  connection.ping(() => {
    cancel();
    connection.close();
  });
}
