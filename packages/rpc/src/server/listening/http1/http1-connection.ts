import type { Socket } from "node:net";
import type { BufferHolder } from "../../buffers/buffer-budget.ts";
import type { ConnectionBodies } from "../../buffers/unfinished-bodies.ts";
import type { BeginningConnection, BeginQueue } from "./begin-queue.ts";

/** What goes on reading a connection. */
export interface HeldReads {
  goOn(): void;
}

export interface Http1ConnectionOptions {
  readonly bodies: ConnectionBodies;
  readonly queue: BeginQueue;
  /** The connection is closed for what waits to be sent on it. */
  readonly onEvicted: () => void;
}

/** An HTTP/1.1 connection of a server: its requests, and what waits to be sent on it. */
export class Http1Connection implements BufferHolder, BeginningConnection {
  /** Requests without their whole answer. */
  count = 0;
  /** Bytes of answers that wait to be sent. */
  unsentBytes = 0;
  closed = false;
  /** Whether the next answer is its last (`connection: close`). */
  isRetired = false;
  readonly bodies: ConnectionBodies;
  /** Stop where too many requests wait, see `Http1Reads`. */
  reads: HeldReads | undefined;
  /**
   * Pipelined requests. One begins when the one before it has been answered, and its answer was taken (back-pressure): all of them at once would cost a
   * client that reads nothing as little as one.
   */
  readonly #waiting: ((waitedMs: number) => void)[] = [];
  readonly #socket: Socket;
  readonly #queue: BeginQueue;
  readonly #onEvicted: () => void;

  constructor(socket: Socket, { bodies, queue, onEvicted }: Http1ConnectionOptions) {
    this.#socket = socket;
    this.bodies = bodies;
    this.#queue = queue;
    this.#onEvicted = onEvicted;
  }

  /** A request was read. It begins now, or in its turn: `begin` is told how long it had to wait for that. */
  add(begin: (waitedMs: number) => void): void {
    this.count++;
    if (this.count === 1 && !this.#queue.isNeeded) {
      begin(0);
      return;
    }
    this.#waiting.push(begin);
    if (this.count === 1) {
      this.#queue.add(this);
    }
  }

  /** The next request begins. For the queue. */
  begin(waitedMs: number): void {
    const begin = this.#waiting.shift();
    if (!this.closed) {
      begin?.(waitedMs);
    }
  }

  /** A request has been answered: the next one begins, and further ones are read. */
  next(): void {
    if (this.reads !== undefined) {
      // Not now: Node has not yet given the socket to the next answer, and would give it to that of a request that is parsed meanwhile.
      process.nextTick(goOn, this.reads);
    }
    if (this.#waiting.length > 0) {
      this.#queue.add(this);
    }
  }

  evict(): void {
    this.closed = true;
    this.#onEvicted();
    this.#socket.destroy();
  }

  close(): void {
    this.closed = true;
    this.#waiting.length = 0;
    this.#queue.forget(this);
    this.bodies.close();
  }
}

function goOn(reads: HeldReads): void {
  reads.goOn();
}
