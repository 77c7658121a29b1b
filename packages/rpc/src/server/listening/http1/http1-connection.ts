import type { Socket } from "node:net";
import type { ReadTurns, TurnGroup } from "@parley/http2";
import type { BufferHolder } from "../../buffers/buffer-budget.ts";
import type { ConnectionBodies } from "../../buffers/unfinished-bodies.ts";
import type { DirectConnection } from "./direct-reads.ts";
import { Http1Reads } from "./http1-reads.ts";

export interface Http1ConnectionOptions {
  readonly bodies: ConnectionBodies;
  readonly turns: ReadTurns;
  readonly group: TurnGroup;
  /** Requests without a complete response. Further ones are not parsed. */
  readonly requestsMax: number;
  /** Called when the connection is closed for its unsent bytes. */
  readonly onEvicted: () => void;
}

/** An HTTP/1.1 connection of a server: its requests and its unsent bytes. */
export class Http1Connection implements BufferHolder, DirectConnection {
  /** The number of requests without a complete response. */
  count = 0;
  /** Unsent bytes of responses. */
  unsentBytes = 0;
  closed = false;
  /** Whether the next response is the last one (`connection: close`). */
  isRetired = false;
  readonly bodies: ConnectionBodies;
  /** They stop while too many requests have no response. Undefined while Node's parser reads from the socket by itself, see `DirectReads`. */
  #reads: Http1Reads | undefined;
  /**
   * Pipelined requests. Each begins after the response to the previous one was sent. This is backpressure: otherwise a client that reads no
   * responses could make the server handle all of them at once.
   */
  readonly #waiting: (() => void)[] = [];
  /** Whether it has had no request yet. */
  #isNew = true;
  readonly #socket: Socket;
  readonly #turns: ReadTurns;
  readonly #group: TurnGroup;
  readonly #requestsMax: number;
  readonly #onEvicted: () => void;

  constructor(socket: Socket, { bodies, turns, group, requestsMax, onEvicted }: Http1ConnectionOptions) {
    this.#socket = socket;
    this.bodies = bodies;
    this.#turns = turns;
    this.#group = group;
    this.#requestsMax = requestsMax;
    this.#onEvicted = onEvicted;
  }

  /** Whether it has no open request and no unparsed bytes. */
  get isIdle(): boolean {
    return this.count === 0 && this.#reads?.hasRest !== true;
  }

  /** Whether Node's parser reads from the socket by itself, see `DirectReads`. */
  get isDirect(): boolean {
    return this.#reads === undefined;
  }

  pace(): void {
    this.#reads ??= new Http1Reads(this.#socket, {
      turns: this.#turns,
      group: this.#group,
      count: () => this.count,
      isFull: () => this.count > this.#requestsMax,
    });
  }

  /**
   * Reads no more of a request, and closes the connection after its response: to read the rest costs as much as to buffer it. If the connection closed
   * at once, with unread bytes, the client would lose the response.
   */
  stopReading(): void {
    this.isRetired = true;
    this.pace();
    this.#reads?.stop();
    const socket = this.#socket;
    socket.destroySoon = () => {
      socket.end();
      setTimeout(() => socket.destroy(), lingerMs).unref();
    };
  }

  /** Parses what was read, without waiting for a turn. */
  resumeReads(): void {
    this.#reads?.resumeNow();
  }

  /** Adds a parsed request. It begins at once, or after the responses to earlier ones. */
  add(begin: () => void): void {
    this.count++;
    if (this.count > 1) {
      this.#waiting.push(begin);
    } else if (this.#reads === undefined && this.#turns.isBusy) {
      this.#waiting.push(begin);
      this.#turns.defer(this.#beginNext, { group: this.#group, kind: this.#isNew ? "first" : "idle" });
    } else {
      begin();
    }
    this.#isNew = false;
  }

  /** A response is complete: begins the next request, and resumes reading. */
  next(): void {
    if (this.#reads?.isHeld === true) {
      // Deferred: Node has not assigned the socket to the next response yet, and would assign it to that of a request parsed meanwhile.
      process.nextTick(resume, this.#reads);
    }
    if (this.#waiting.length > 0) {
      this.#turns.defer(this.#beginNext, { group: this.#group, kind: "backlog" });
    }
  }

  readonly #beginNext = () => this.#waiting.shift()?.();

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

/** The time in which a client reads the last response, in milliseconds. */
const lingerMs = 1_000;

function resume(reads: Http1Reads): void {
  reads.resume();
}
