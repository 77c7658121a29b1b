import { setTimeout as wait } from "node:timers/promises";
import type { PostgresConnection } from "./postgres-connection.ts";

/** The connections for reads, each with many in flight. Two, so that one slow read does not delay all others. */
export const readersMax = 2;
/** How often to check whether a connection to be closed has no more statements in flight. */
const closeIntervalMs = 100;

export interface SharedConnectionsOptions {
  readonly open: () => Promise<PostgresConnection>;
  readonly isUsable: (connection: PostgresConnection) => boolean;
  readonly onClosed: (connection: PostgresConnection) => void;
}

interface Place {
  connection?: PostgresConnection | undefined;
  opening?: Promise<PostgresConnection> | undefined;
}

/** The few connections that all reads share. Statements are pipelined. */
export class SharedConnections {
  readonly #options: SharedConnectionsOptions;
  readonly #places: readonly Place[];
  #last = 0;

  constructor(options: SharedConnectionsOptions) {
    this.#options = options;
    this.#places = Array.from({ length: readersMax }, () => ({}));
  }

  /** The next connection, round-robin. Opens it if necessary. */
  async next(): Promise<PostgresConnection> {
    this.#last = (this.#last + 1) % readersMax;
    const place = this.#places[this.#last] ?? {};
    const { connection } = place;
    if (connection !== undefined) {
      if (this.#options.isUsable(connection)) {
        return connection;
      }
      place.connection = undefined;
      // Statements in flight on it may still succeed.
      void this.#closeWhenIdle(connection);
    }
    place.opening ??= this.#open(place);
    return await place.opening;
  }

  /** Stops using these connections. */
  forget(): void {
    for (const place of this.#places) {
      if (place.connection !== undefined) {
        void this.#closeWhenIdle(place.connection);
        place.connection = undefined;
      }
    }
  }

  async #open(place: Place): Promise<PostgresConnection> {
    try {
      const connection = await this.#options.open();
      place.connection = connection;
      return connection;
    } finally {
      place.opening = undefined;
    }
  }

  async #closeWhenIdle(connection: PostgresConnection): Promise<void> {
    while (connection.inFlight > 0 && connection.lost === undefined) {
      await wait(closeIntervalMs, undefined, { ref: false });
    }
    this.#options.onClosed(connection);
    await connection.close();
  }
}
