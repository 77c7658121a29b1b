import type { Socket } from "node:net";
import { allowReads, type ReadTurns, stopReads, type TurnGroup, type WaitingKind } from "@parley/http2";

export interface Http1ReadsOptions {
  /** Divides the time of an event-loop turn between connections. */
  readonly turns: ReadTurns;
  /** The connections that share one part of each turn. */
  readonly group: TurnGroup;
  /** Whether parsing must stop because too many requests have no response. */
  readonly isFull: () => boolean;
  /** The number of requests of the connection without a complete response. */
  readonly count: () => number;
}

/**
 * Passes data to Node's HTTP/1.1 parser in pieces. Otherwise the parser would emit all requests of a chunk, a thousand in 64 KiB, in one turn
 * of the event loop. With pieces, parsing stops while a connection has too many pipelined requests, and when its slice of the turn is over.
 * This is backpressure: the rest stays here and in the kernel.
 */
export class Http1Reads {
  readonly #socket: ParsedSocket;
  readonly #options: Http1ReadsOptions;
  readonly #parse: (chunk: Buffer) => void;
  #rest: Buffer[] = [];
  #hasRead = false;
  #feeding = false;
  #yielded = false;
  #stopped = false;
  #sliceEndMs = 0;

  /** Must be created right after the connection was passed to Node's server. */
  constructor(socket: Socket, options: Http1ReadsOptions) {
    this.#socket = socket;
    this.#options = options;
    // Node's own listener parses its argument. With another "data" listener, the parser no longer reads from the handle itself.
    const [parse] = socket.listeners("data") as ((chunk: Buffer) => void)[];
    this.#parse = parse ?? (() => {});
    socket.off("data", this.#parse);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("resume", () => this.resume());
    socket.on("close", () => {
      this.#rest = [];
    });
    // While the parser read from the handle itself, the stream did not see the bytes that it had asked for, and would not ask again.
    socket.push(nothing);
  }

  /** Whether there are bytes that were read but not parsed. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  /** Whether `resume` has something to do: otherwise a response costs a tick less. */
  get isHeld(): boolean {
    return this.#yielded || this.#rest.length > 0;
  }

  /** Ends reading. */
  stop(): void {
    this.#stopped = true;
    this.#rest = [];
    this.#pause();
  }

  /** Resumes at once, without waiting for its turn. */
  resumeNow(): void {
    this.#yielded = false;
    this.resume();
  }

  /** Resumes, unless it waits for its turn. */
  resume(): void {
    if (this.#rest.length > 0 && !this.#feeding && !this.#yielded) {
      this.#feed();
    } else if (this.#yielded || this.#stopped) {
      this.#pause();
    } else {
      allowReads(this.#socket);
    }
  }

  #onData(chunk: Buffer): void {
    const { turns, isFull, count } = this.#options;
    if (this.#stopped) {
      return;
    }
    const isIdle = this.#rest.length === 0 && !this.#feeding && !this.#yielded;
    if (isIdle && turns.isBusy) {
      this.#rest.push(chunk);
      if (this.#hasRead) {
        // A request that was refused has a response already, and its body still arrives.
        const hasMore = count() > 0 || this.#socket.parser?.incoming?.complete === false;
        this.#yield(hasMore ? "backlog" : "idle");
      } else {
        this.#yield("first");
      }
    } else if (isIdle && chunk.length <= pieceBytes && !isFull()) {
      // The common case: a request in one piece.
      this.#parse(chunk);
    } else {
      this.#rest.push(chunk);
      this.resume();
    }
    this.#hasRead = true;
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
        this.#yield("backlog");
        break;
      }
      this.#parse(this.#nextPiece());
      nowMs = performance.now();
    }
    this.#feeding = false;
    const socket = this.#socket;
    if (this.#rest.length > 0) {
      this.#pause();
    } else if (this.#stopped) {
      return;
    } else if (!socket.isPaused()) {
      // Node resumed it.
      allowReads(socket);
    } else if (socket._paused !== true && !this.#bodyWaits) {
      socket.resume();
    }
  }

  /** False after an error or a close: Node then reuses the parser for another connection. */
  get #mayParse(): boolean {
    const { destroyed, parser, _paused } = this.#socket;
    const isOpen = !destroyed && parser !== null && parser !== undefined;
    if (!isOpen) {
      this.#rest = [];
    }
    return isOpen && _paused !== true && this.#rest.length > 0 && !this.#bodyWaits && !this.#options.isFull();
  }

  /** Whether the buffer of the current request's body is full. */
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

  #pause(): void {
    this.#socket.pause();
    stopReads(this.#socket);
  }

  #yield(kind: WaitingKind): void {
    const { turns, group } = this.#options;
    this.#yielded = true;
    this.#pause();
    const resume = () => {
      if (!this.#yielded) {
        return;
      }
      this.#yielded = false;
      this.#sliceEndMs = 0;
      this.resume();
    };
    turns.defer(resume, { group, kind });
  }
}

/** Untyped properties of Node's HTTP server on a socket. `_paused`: the server stopped reading until responses are sent. */
type ParsedSocket = Socket & {
  readonly _paused?: boolean;
  readonly parser?: { readonly incoming: import("node:http").IncomingMessage | null } | null;
};

const nothing = Buffer.alloc(0);

/** Larger than nearly all requests. At most a few hundred of the smallest requests fit. */
const pieceBytes = 4_096;

/** For pipelined requests. About ten of the smallest requests fit. */
const pipelinedPieceBytes = 512;

/** Pieces within this time count as the same event-loop turn. In milliseconds. */
const sameTurnMs = 0.1;
