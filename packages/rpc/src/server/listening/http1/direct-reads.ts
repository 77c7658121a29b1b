import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../../environment/clock.ts";

/** A connection from which Node's parser reads by itself. */
export interface DirectConnection {
  /** The number of requests without a complete response. */
  readonly count: number;
  /** Passes the connection's bytes to the parser in pieces from now on, see `Http1Reads`. */
  pace(): void;
}

/**
 * The HTTP/1.1 connections from which Node's parser reads by itself. That costs 2 µs less for each request than `Http1Reads`. But a read of 64 KiB
 * may contain two thousand pipelined requests, or ten thousand chunks of a body, which are all parsed in one turn of the event loop. Hardly any
 * client sends them. So the first one ends direct reads for all connections, and for new connections during a minute. A large body ends them for its
 * own connection.
 */
export class DirectReads {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #connections = new Set<DirectConnection>();
  #allowedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Whether a connection with this many unread bytes was added. Otherwise its reads must be paced. */
  tryAdd(connection: DirectConnection, unreadBytes: number): boolean {
    const isAllowed =
      unreadBytes <= firstBytesMax &&
      this.#connections.size < connectionsMax &&
      this.#clock.monotonic() >= this.#allowedMs;
    if (isAllowed) {
      this.#connections.add(connection);
    }
    return isAllowed;
  }

  delete(connection: DirectConnection): void {
    this.#connections.delete(connection);
  }

  /** Checks a request of a direct connection, before it is counted. */
  check(connection: DirectConnection, headers: IncomingHttpHeaders): void {
    if (connection.count > 0 || headers["transfer-encoding"] !== undefined) {
      this.end();
    } else if (Number(headers["content-length"] ?? 0) > bodyBytesMax) {
      this.#connections.delete(connection);
      connection.pace();
    }
  }

  /** Ends direct reads: a connection sent a pipelined request or a chunked body. */
  end(): void {
    this.#allowedMs = this.#clock.monotonic() + pacedMs;
    for (const connection of this.#connections) {
      connection.pace();
    }
    this.#connections.clear();
  }
}

/** The maximum size of the bytes that were read to detect the protocol: they are parsed at once. */
const firstBytesMax = 4_096;

/** The parser reads at most 64 KiB at once. */
const bodyBytesMax = 65_536;

/** Ending direct reads takes some 5 µs for each connection, so all of them take about a millisecond. */
const connectionsMax = 256;

/** How long the reads of new connections are paced after a pipelined request or chunked body, in milliseconds. */
const pacedMs = 60_000;
