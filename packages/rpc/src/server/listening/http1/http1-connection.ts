import type { Socket } from "node:net";
import type { ReadTurns, TurnGroup } from "@parley/http2";
import type { BufferHolder } from "../../buffers/buffer-budget.ts";
import type { ConnectionBodies } from "../../buffers/unfinished-bodies.ts";

/** Reads of a connection that can stop and resume, see `Http1Reads`. */
export interface HeldReads {
  resume(): void;
  /** Resumes at once, without waiting for its turn. */
  resumeNow(): void;
  /** Whether there are bytes that were read but not parsed. */
  readonly hasRest: boolean;
  /** Whether `resume` has something to do. */
  readonly isHeld: boolean;
}

export interface Http1ConnectionOptions {
  readonly bodies: ConnectionBodies;
  readonly turns: ReadTurns;
  readonly group: TurnGroup;
  /** Called when the connection is closed for its unsent bytes. */
  readonly onEvicted: () => void;
}

/** An HTTP/1.1 connection of a server: its requests and its unsent bytes. */
export class Http1Connection implements BufferHolder {
  /** The number of requests without a complete response. */
  count = 0;
  /** Unsent bytes of responses. */
  unsentBytes = 0;
  closed = false;
  /** Whether the next response is the last one (`connection: close`). */
  isRetired = false;
  readonly bodies: ConnectionBodies;
  /** They stop while too many requests have no response. */
  reads: HeldReads | undefined;
  /**
   * Pipelined requests. Each begins after the response to the previous one was sent. This is backpressure: otherwise a client that reads no
   * responses could make the server handle all of them at once.
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

  /** Whether it has no open request and no unparsed bytes. */
  get isIdle(): boolean {
    return this.count === 0 && this.reads?.hasRest !== true;
  }

  /** Adds a parsed request. It begins at once, or after the responses to earlier ones. */
  add(begin: () => void): void {
    this.count++;
    if (this.count === 1) {
      begin();
    } else {
      this.#waiting.push(begin);
    }
  }

  /** A response is complete: begins the next request, and resumes reading. */
  next(): void {
    if (this.reads?.isHeld === true) {
      // Deferred: Node has not assigned the socket to the next response yet, and would assign it to that of a request parsed meanwhile.
      process.nextTick(resume, this.reads);
    }
    if (this.#waiting.length > 0) {
      this.#turns.defer(() => this.#waiting.shift()?.(), { group: this.#group, kind: "backlog" });
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

function resume(reads: HeldReads): void {
  reads.resume();
}
