import type { Socket } from "node:net";
import type { ReadTurns, TurnGroup } from "@parley/http2";

export interface Http1ReadsOptions {
  /** How the connections of the server share a turn of the event loop. */
  readonly turns: ReadTurns;
  /** With which other connections it shares its part of the turns. */
  readonly group: TurnGroup;
  /** Whether so many requests wait for their answers that no more are to be parsed. */
  readonly isFull: () => boolean;
  /** Requests of the connection that have no whole answer. */
  readonly count: () => number;
}

/**
 * Feeds Node's HTTP/1.1 parser piece by piece. By itself the parser makes objects of all requests in what was read, a thousand in 64 KiB, and works them off
 * in one turn of the event loop. Fed in pieces, it stops where a connection has pipelined more than the server takes at once (back-pressure: the rest stays
 * here and in the kernel), and where its slice of the turn is over.
 */
export class Http1Reads {
  readonly #socket: ParsedSocket;
  readonly #options: Http1ReadsOptions;
  readonly #parse: (chunk: Buffer) => void;
  #rest: Buffer[] = [];
  #feeding = false;
  #yielded = false;
  #sliceEndMs = 0;

  /** To be made right after the connection was given to Node's server. */
  constructor(socket: Socket, options: Http1ReadsOptions) {
    this.#socket = socket;
    this.#options = options;
    // Node's own listener parses what it is called with. With another listener, the parser no longer reads from the handle itself.
    const [parse] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    this.#parse = parse ?? (() => {});
    socket.off("data", this.#parse);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("resume", () => this.goOn());
    socket.on("close", () => {
      this.#rest = [];
    });
  }

  /** Whether something was read and has not been parsed. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  /** Goes on without waiting for its turn. */
  hurry(): void {
    this.#yielded = false;
    this.goOn();
  }

  /** Goes on where it stopped, if it may. */
  goOn(): void {
    if (this.#rest.length > 0 && !this.#feeding && !this.#yielded) {
      this.#feed();
    } else if (this.#yielded) {
      this.#socket.pause();
    }
  }

  #onData(chunk: Buffer): void {
    const { turns, isFull } = this.#options;
    const isIdle = this.#rest.length === 0 && !this.#feeding && !this.#yielded;
    if (isIdle && turns.isBusy) {
      this.#rest.push(chunk);
      this.#yield();
    } else if (isIdle && chunk.length <= pieceBytes && !isFull()) {
      // What nearly every request is: one piece.
      this.#parse(chunk);
    } else {
      this.#rest.push(chunk);
      this.goOn();
    }
  }

  #feed(): void {
    this.#feeding = true;
    const { turns } = this.#options;
    let nowMs = performance.now();
    if (nowMs > this.#sliceEndMs + sameTurnMs) {
      this.#sliceEndMs = nowMs + turns.sliceMs;
    }
    while (this.#mayParse) {
      if (nowMs >= this.#sliceEndMs) {
        this.#yield();
        break;
      }
      this.#parse(this.#nextPiece());
      nowMs = performance.now();
    }
    this.#feeding = false;
    const socket = this.#socket;
    if (this.#rest.length > 0) {
      socket.pause();
    } else if (socket.isPaused() && socket._paused !== true && !this.#bodyWaits) {
      socket.resume();
    }
  }

  /** After an error, and once the connection is closed, Node gives its parser to another connection. */
  get #mayParse(): boolean {
    const { destroyed, parser, _paused } = this.#socket;
    const isOpen = !destroyed && parser !== null && parser !== undefined;
    if (!isOpen) {
      this.#rest = [];
    }
    return isOpen && _paused !== true && this.#rest.length > 0 && !this.#bodyWaits && !this.#options.isFull();
  }

  /** Whether the body of the request that is read has a reader that takes no more for now. */
  get #bodyWaits(): boolean {
    const incoming = this.#socket.parser?.incoming;
    return incoming != null && !incoming.complete && incoming.readableLength >= incoming.readableHighWaterMark;
  }

  #nextPiece(): Buffer {
    const [first] = this.#rest as [Buffer];
    const size = this.#options.count() > 1 ? pipelinedPieceBytes : pieceBytes;
    if (first.length <= size) {
      this.#rest.shift();
      return first;
    }
    this.#rest[0] = first.subarray(size);
    return first.subarray(0, size);
  }

  #yield(): void {
    const { turns, group } = this.#options;
    this.#yielded = true;
    this.#socket.pause();
    turns.defer(group, () => {
      if (!this.#yielded) {
        return;
      }
      this.#yielded = false;
      this.#sliceEndMs = 0;
      this.goOn();
    });
  }
}

/** What Node's HTTP server keeps on a socket, which has no type. `_paused`: the server reads no more until answers have left. */
type ParsedSocket = Socket & {
  readonly _paused?: boolean;
  readonly parser?: { readonly incoming: import("node:http").IncomingMessage | null } | null;
};

/** Larger than nearly all requests, small enough for a few hundred of the smallest. */
const pieceBytes = 4_096;

/** Where requests are pipelined: some ten of the smallest at once. */
const pipelinedPieceBytes = 512;

/** Pieces that follow one another as closely come in the same turn of the event loop. */
const sameTurnMs = 0.1;
