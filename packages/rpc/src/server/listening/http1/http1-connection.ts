import type { Socket } from "node:net";
import type { BufferHolder } from "../../buffers/buffer-budget.ts";
import type { ConnectionBodies } from "../../buffers/unfinished-bodies.ts";

/** What goes on reading a connection. */
export interface HeldReads {
  goOn(): void;
}

/** So many pipelined requests may begin one after the other before other connections have their turn. */
const beginsPerTurnMax = 8;

/** An HTTP/1.1 connection of a server: its requests, and what waits to be sent on it. */
export class Http1Connection implements BufferHolder {
  /** Requests without their whole answer. */
  count = 0;
  /** Bytes of answers that wait to be sent. */
  unsentBytes = 0;
  closed = false;
  readonly bodies: ConnectionBodies;
  /** Stop where too many requests wait, see `Http1Reads`. */
  reads: HeldReads | undefined;
  /**
   * Pipelined requests. One begins when the one before it has been answered, and its answer was taken (back-pressure): all of them at once would cost a
   * client that reads nothing as little as one.
   */
  readonly waiting: (() => void)[] = [];
  readonly #socket: Socket;
  readonly #onEvicted: () => void;
  #begun = 0;

  constructor(socket: Socket, options: { readonly bodies: ConnectionBodies; readonly onEvicted: () => void }) {
    this.#socket = socket;
    this.bodies = options.bodies;
    this.#onEvicted = options.onEvicted;
  }

  /** A request has been answered: the next one begins, and further ones are read. */
  next(): void {
    if (this.reads !== undefined) {
      // Not now: Node has not yet given the socket to the next answer, and would give it to that of a request that is parsed meanwhile.
      process.nextTick(goOn, this.reads);
    }
    if (this.waiting.length === 0) {
      this.#begun = 0;
    } else if (++this.#begun % beginsPerTurnMax === 0) {
      setImmediate(() => this.#begin());
    } else {
      this.#begin();
    }
  }

  evict(): void {
    this.closed = true;
    this.#onEvicted();
    this.#socket.destroy();
  }

  close(): void {
    this.closed = true;
    this.waiting.length = 0;
    this.bodies.close();
  }

  #begin(): void {
    const begin = this.waiting.shift();
    if (!this.closed) {
      begin?.();
    }
  }
}

function goOn(reads: HeldReads): void {
  reads.goOn();
}
