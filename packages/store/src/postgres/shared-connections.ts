import { setTimeout as wait } from "node:timers/promises";
import type { PostgresConnection } from "./postgres-connection.ts";

/** Connections that carry reads, many at a time each. Two, so that one slow read does not hold up all others. */
export const readersMax = 2;
/** How often a connection that is to be closed is looked at, until all on it is answered. */
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

/** A few connections that all reads share: statements are sent without waiting for the answers to those before. */
export class SharedConnections {
  readonly #options: SharedConnectionsOptions;
  readonly #places: readonly Place[];
  #last = 0;

  constructor(options: SharedConnectionsOptions) {
    this.#options = options;
    this.#places = Array.from({ length: readersMax }, () => ({}));
  }

  /** The next one, in turn; opened where it is missing. */
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

  /** None of them is used again. */
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
