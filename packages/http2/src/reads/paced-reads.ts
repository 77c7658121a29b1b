import type { Duplex } from "node:stream";
import { ConnectionError, errorCode } from "../frames/constants.ts";
import type { FrameReader } from "../frames/frame-reader.ts";
import { type PeerLimit, PeerLimitError } from "../peer-work.ts";
import { ReadPace } from "./read-pace.ts";
import type { ReadTurns, TurnGroup, WaitingKind } from "./read-turns.ts";
import { allowReads, stopReads } from "./stopped-reads.ts";

/** The connection whose socket is read. */
export interface ReadingConnection {
  readonly socket: Duplex;
  readonly destroyed: boolean;
  readonly isClient: boolean;
  /** Unsent bytes, on streams and on the socket. */
  readonly unsentBytes: number;
  destroy(code: number, message?: string): void;
  /** The peer exceeded a limit, and the connection ends. */
  onLimit(limit: PeerLimit): void;
  /** The socket's buffer is full. */
  onUnsent(): void;
}

/** The most unsent bytes of one connection. All responses of a burst fit, if they are of the usual size. */
const unprocessedBytesMax = 1 << 20;

/** The most bytes behind a full socket: a message of the largest usual size. */
const unsentBytesMax = 4 << 20;

/**
 * Reads a connection's socket in slices of an event-loop turn, so that other connections get theirs. Stops reading while the peer does not read its
 * responses.
 */
export class PacedReads {
  /** The connections of one group share one part of the turns. */
  group: TurnGroup;
  readonly #connection: ReadingConnection;
  readonly #reader: FrameReader;
  readonly #turns: ReadTurns | undefined;
  readonly #pace: ReadPace | undefined;
  /** Chunks that were read and wait for their turn. */
  #chunks: Buffer[] = [];
  #yielded = false;
  /** Whether it continues after the ticks and microtasks of the calls that were read, and not in a later turn. */
  #settles = false;
  /** Whether it reads on once the socket's buffer is empty. */
  #drains = false;
  #restMs = 0;

  constructor(
    connection: ReadingConnection,
    reader: FrameReader,
    { turns, group = connection }: { readonly turns: ReadTurns | undefined; readonly group?: TurnGroup },
  ) {
    this.group = group;
    this.#turns = turns;
    this.#connection = connection;
    this.#reader = reader;
    this.#pace = turns && new ReadPace(turns);
    connection.socket.on("data", (chunk: Buffer) => this.#read(chunk));
  }

  /** How long the bytes being read may have waited, in milliseconds. 0 without turns. */
  get behindMs(): number {
    return this.#pace?.behindMs ?? 0;
  }

  /** Pauses after the current frame for this time, in milliseconds. */
  rest(restMs: number): void {
    this.#restMs = Math.max(this.#restMs, restMs);
  }

  /** Whether the reader pauses after this frame. Called once for each. */
  get yields(): boolean {
    const next = this.#restMs > 0 ? "yield" : (this.#pace?.next ?? "read");
    this.#yielded = next !== "read";
    this.#settles = next === "settle";
    return this.#yielded;
  }

  /** Called for each request of a server's connection, and for each response of a client's. */
  countCall(): void {
    this.#pace?.countCall();
  }

  /** The calls that were read get their microtasks, and then their ticks. */
  readonly #settle = () => process.nextTick(this.#settled);

  readonly #settled = () => {
    if (!this.#yielded || this.#connection.destroyed) {
      return;
    }
    if (this.#pace?.settled() === true && !this.#unprocessed) {
      this.#yielded = false;
      this.#work(this.#chunks.shift());
    } else {
      this.#pace?.yield();
      this.#pause();
      this.#defer("backlog");
    }
  };

  #read(chunk: Buffer): void {
    const { destroyed } = this.#connection;
    if (destroyed) {
      return;
    }
    if (this.#yielded) {
      // A chunk can still arrive after the socket was paused.
      this.#chunks.push(chunk);
      return;
    }
    const kind = this.#pace?.kindOfNext ?? "idle";
    this.#pace?.begin(chunk.length);
    if (this.#turns?.isBusy === true) {
      this.#chunks.push(chunk);
      this.#yielded = true;
      this.#pause();
      this.#defer(kind);
    } else {
      this.#work(chunk);
    }
  }

  #defer(kind: WaitingKind): void {
    if (this.#turns === undefined) {
      this.#resume();
    } else {
      this.#turns.defer(() => this.#resume(), { group: this.group, kind });
    }
  }

  /** Parses a chunk, or continues with the last one. */
  #work(chunk?: Buffer): void {
    const connection = this.#connection;
    try {
      if (chunk === undefined) {
        this.#reader.resume();
      } else {
        this.#reader.read(chunk);
      }
    } catch (error) {
      this.#yielded = false;
      if (!(error instanceof ConnectionError)) {
        connection.destroy(errorCode.internal);
        throw error;
      }
      if (error instanceof PeerLimitError) {
        connection.onLimit(error.limit);
      }
      connection.destroy(error.code, error.message);
    }
    const { socket } = connection;
    if (socket.writableNeedDrain) {
      connection.onUnsent();
    }
    if (this.#yielded && this.#settles) {
      this.#settles = false;
      queueMicrotask(this.#settle);
      return;
    }
    if (this.#yielded || this.#chunks.length > 0) {
      this.#yielded = true;
      this.#pace?.yield();
      this.#pause();
      if (this.#restMs > 0) {
        setTimeout(() => this.#awake(), this.#restMs);
        this.#restMs = 0;
      } else {
        this.#defer("backlog");
      }
      return;
    }
    this.#pace?.finish();
    if (this.#unprocessed) {
      // It may be paused already, for its turn.
      if (!this.#drains) {
        this.#drains = true;
        socket.pause();
        socket.once("drain", this.#drained);
      }
    } else if (socket.isPaused() && !this.#drains) {
      this.#continue();
    }
  }

  readonly #drained = () => {
    this.#drains = false;
    if (!this.#yielded) {
      this.#continue();
    }
  };

  #pause(): void {
    const { socket } = this.#connection;
    socket.pause();
    stopReads(socket);
  }

  #continue(): void {
    const { socket } = this.#connection;
    allowReads(socket);
    socket.resume();
  }

  /**
   * Backpressure: stop reading while output is unsent. Headers, pings and resets have no flow control; and further calls would only wait
   * behind the unsent responses. If responses wait for a window, reading continues: the WINDOW_UPDATE must be read.
   */
  get #unprocessed(): boolean {
    const { socket, unsentBytes } = this.#connection;
    const full = socket.writableNeedDrain && unsentBytes > unsentBytesMax;
    // A client always reads: if both sides waited for each other, neither would continue.
    return socket.writableLength > unprocessedBytesMax || (full && !this.#connection.isClient);
  }

  #awake(): void {
    if (!this.#connection.destroyed) {
      this.#pace?.rested();
      this.#defer("backlog");
    }
  }

  #resume(): void {
    if (this.#yielded) {
      this.#pace?.resume();
      this.#resumeOnceRead();
    }
  }

  #resumeOnceRead(): void {
    if (this.#connection.destroyed || !this.#yielded) {
      return;
    }
    if (this.#unprocessed) {
      this.#connection.socket.once("drain", () => this.#resumeOnceRead());
      return;
    }
    this.#yielded = false;
    this.#work(this.#chunks.shift());
  }
}
