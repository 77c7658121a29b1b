import type { Connection } from "../client-connection.ts";

/** Looks in a row without a byte from the server, before it is asked for a sign of life, and again before it counts as stalled. */
const quietLooksMax = 3;

/**
 * Finds a server that has stopped answering while its connection stays open: a stopped process, a machine that is gone, a network that drops packets. With
 * calls open and nothing received for three looks it is sent a PING, and with no answer after three more it counts as stalled, until anything comes. A method
 * that takes its time is no stall: PINGs are answered by the server's runtime. Looks are counted, not time, so that a pause of this process is not
 * taken for one of the server's. One PING for each call at most: servers count PINGs on quiet connections (gRPC's proposal A8).
 */
export class StallDetector {
  isStalled = false;
  readonly #onChanged: () => void;
  #connection: Connection | undefined;
  #receivedCount = 0;
  #quietLooks = 0;
  #pinged = false;
  /** The calls begun when the last PING was answered: they are known to be in good hands. */
  #provedCount = -1;
  #round = 0;

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /**
   * Has a look at a connection. To be called at regular times while calls are open.
   *
   * @param begunCount how many calls have begun on it so far
   */
  look(connection: Connection | undefined, begunCount: number): void {
    if (connection === undefined) {
      this.reset();
    } else if (connection.openCount === 0 && !this.isStalled) {
      this.#quietLooks = 0;
    } else if (connection !== this.#connection || connection.receivedCount !== this.#receivedCount) {
      this.reset();
      this.#connection = connection;
      this.#receivedCount = connection.receivedCount;
    } else if (++this.#quietLooks >= quietLooksMax) {
      this.#suspect(connection, begunCount);
    }
  }

  /** Nothing is known any more: there is another connection, or none. */
  reset(): void {
    this.#round++;
    this.#quietLooks = 0;
    this.#pinged = false;
    this.#become(false);
  }

  #suspect(connection: Connection, begunCount: number): void {
    if (this.#pinged) {
      this.#become(true);
    } else if (begunCount !== this.#provedCount) {
      this.#pinged = true;
      const round = this.#round;
      connection.http2.ping(() => {
        if (round === this.#round) {
          this.reset();
          this.#provedCount = begunCount;
        }
      });
    }
    this.#quietLooks = 0;
  }

  #become(stalled: boolean): void {
    if (stalled !== this.isStalled) {
      this.isStalled = stalled;
      this.#onChanged();
    }
  }
}
