import type { ReadTurns } from "@parley/http2";

/** A connection on which a request can begin. */
export interface BeginningConnection {
  /** Begins the next request. `waitedMs`: for how long it was in the queue. */
  begin(waitedMs: number): void;
}

/**
 * Requests that were read and may not begin yet, since the time of this turn of the event loop is over. Connections come one after the other, one request
 * each, so that those with many pipelined requests do not keep others waiting, and turns stay short enough for new connections to be accepted.
 */
export class BeginQueue {
  readonly #turns: ReadTurns;
  readonly #connections = new Map<BeginningConnection, number>();
  #scheduled = false;

  constructor(turns: ReadTurns) {
    this.#turns = turns;
  }

  /** Whether a request has to wait for its turn. */
  get isNeeded(): boolean {
    return this.#connections.size > 0 || this.#turns.over;
  }

  /** The connection's next request begins in its turn. To be added once for each request. */
  add(connection: BeginningConnection): void {
    this.#connections.set(connection, performance.now());
    this.#schedule();
  }

  forget(connection: BeginningConnection): void {
    this.#connections.delete(connection);
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#run());
    }
  }

  #run(): void {
    this.#scheduled = false;
    for (const [connection, sinceMs] of this.#connections) {
      this.#connections.delete(connection);
      connection.begin(performance.now() - sinceMs);
      if (this.#turns.over) {
        break;
      }
    }
    if (this.#connections.size > 0) {
      this.#schedule();
    }
  }
}
