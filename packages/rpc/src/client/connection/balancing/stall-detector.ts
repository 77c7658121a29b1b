import type { Connection } from "../client-connection.ts";

/** Checks without a byte from the server before a PING is sent, and again before it counts as stalled. */
const quietLooksMax = 3;

/**
 * Detects a server that has stopped responding while its connection stays open: a paused process, a dead machine, a network that drops packets. With
 * calls open and nothing received for three checks it is sent a PING, and without an acknowledgement after three more it counts as stalled, until
 * bytes arrive. A slow method is no stall: the server's runtime acknowledges PINGs. Checks are counted, not time, so that a pause of this process is
 * not mistaken for the server's. At most one PING for each call: servers count PINGs on quiet connections (gRPC's proposal A8).
 */
export class StallDetector {
  isStalled = false;
  readonly #onChanged: () => void;
  #connection: Connection | undefined;
  #receivedCount = 0;
  #quietLooks = 0;
  #pinged = false;
  /** The number of calls begun when the last PING was acknowledged: these need no further PING. */
  #provedCount = -1;
  #round = 0;

  constructor(onChanged: () => void) {
    this.#onChanged = onChanged;
  }

  /**
   * Checks a connection. Call it at regular intervals while calls are open.
   *
   * @param begunCount the number of calls begun on it so far
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

  /** Resets the state: there is another connection, or none. */
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
