import type { Socket } from "node:net";
import type { ReadTurns, TurnGroup } from "@parley/http2";
import type { BufferHolder } from "../../buffers/buffer-budget.ts";
import type { ConnectionBodies } from "../../buffers/unfinished-bodies.ts";

/** What goes on reading a connection. */
export interface HeldReads {
  goOn(): void;
  /** Goes on without waiting for its turn. */
  hurry(): void;
  /** Whether something was read and has not been parsed. */
  readonly hasRest: boolean;
}

export interface Http1ConnectionOptions {
  readonly bodies: ConnectionBodies;
  readonly turns: ReadTurns;
  readonly group: TurnGroup;
  /** The connection is closed for what waits to be sent on it. */
  readonly onEvicted: () => void;
}

/** An HTTP/1.1 connection of a server: its requests, and what waits to be sent on it. */
export class Http1Connection implements BufferHolder {
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
  readonly #waiting: (() => void)[] = [];
  readonly #socket: Socket;
  readonly #turns: ReadTurns;
  readonly #group: TurnGroup;
  readonly #onEvicted: () => void;

  constructor(socket: Socket, { bodies, turns, group, onEvicted }: Http1ConnectionOptions) {
    this.#socket = socket;
    this.bodies = bodies;
    this.#turns = turns;
    this.#group = group;
    this.#onEvicted = onEvicted;
  }

  /** Whether no request is on it, as far as has been read. */
  get isIdle(): boolean {
    return this.count === 0 && this.reads?.hasRest !== true;
  }

  /** A request was read. It begins now, or once those before it have been answered. */
  add(begin: () => void): void {
    this.count++;
    if (this.count === 1) {
      begin();
    } else {
      this.#waiting.push(begin);
    }
  }

  /** A request has been answered: the next one begins, and further ones are read. */
  next(): void {
    if (this.reads !== undefined) {
      // Not now: Node has not yet given the socket to the next answer, and would give it to that of a request that is parsed meanwhile.
      process.nextTick(goOn, this.reads);
    }
    if (this.#waiting.length > 0) {
      this.#turns.defer(this.#group, () => this.#waiting.shift()?.());
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
    this.bodies.close();
  }
}

function goOn(reads: HeldReads): void {
  reads.goOn();
}
