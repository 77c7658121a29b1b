import type { Duplex } from "node:stream";
import { ConnectionError, errorCode } from "./frames/constants.ts";
import type { FrameReader } from "./frames/frame-reader.ts";
import { type PeerLimit, PeerLimitError } from "./peer-work.ts";
import { ReadPace } from "./read-pace.ts";
import type { ReadTurns, TurnGroup } from "./read-turns.ts";

/** The connection whose socket is read from. */
export interface ReadingConnection {
  readonly socket: Duplex;
  readonly destroyed: boolean;
  /** The bytes that wait to be sent, on streams and on the socket. */
  readonly unsentBytes: number;
  destroy(code: number, message?: string): void;
  /** The peer reached a limit, for which the connection ends. */
  onLimit(limit: PeerLimit): void;
  /** The socket does not take what is written to it. */
  onUnsent(): void;
}

/** What may wait to be written to one connection. All answers of a burst fit, if they are of the usual size. */
const untakenBytesMax = 1 << 20;

/** What may wait behind a socket that takes no more: a message of the largest usual size. */
const unsentBytesMax = 4 << 20;

/**
 * Reads a connection's socket: in slices of a turn of the event loop, so that others have their turn, and not at all while its peer does not
 * read what it is answered.
 */
export class PacedReads {
  /** With which other connections it shares its part of the turns. */
  group: TurnGroup;
  readonly #connection: ReadingConnection;
  readonly #reader: FrameReader;
  readonly #turns: ReadTurns | undefined;
  readonly #pace: ReadPace | undefined;
  /** What was read, and has not had its turn. */
  #chunks: Buffer[] = [];
  #yielded = false;

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

  /** How long what is read at this moment may have waited, in milliseconds. 0 without turns. */
  get behindMs(): number {
    return this.#pace?.behindMs ?? 0;
  }

  /** Whether the reader is to stop after this frame. It is asked once for each. */
  get yields(): boolean {
    if (this.#pace?.over !== true) {
      return false;
    }
    this.#yielded = true;
    return true;
  }

  #read(chunk: Buffer): void {
    const { destroyed, socket } = this.#connection;
    if (destroyed) {
      return;
    }
    if (this.#yielded) {
      // It came although the socket is paused: it was on its way.
      this.#chunks.push(chunk);
      return;
    }
    this.#pace?.begin(chunk.length);
    if (this.#turns?.isBusy === true) {
      this.#chunks.push(chunk);
      this.#yielded = true;
      socket.pause();
      this.#defer();
    } else {
      this.#work(chunk);
    }
  }

  #defer(): void {
    this.#turns?.defer(this.group, () => this.#goOn());
  }

  /** Reads a chunk, or goes on with the last one. */
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
    if (this.#yielded || this.#chunks.length > 0) {
      this.#yielded = true;
      this.#pace?.yield();
      socket.pause();
      this.#defer();
      return;
    }
    this.#pace?.finish();
    if (this.#untaken) {
      if (!socket.isPaused()) {
        socket.pause();
        socket.once("drain", () => socket.resume());
      }
    } else if (socket.isPaused()) {
      socket.resume();
    }
  }

  /**
   * Back-pressure: a peer that reads no answers is not read from. Headers, pings and resets know no window; and of calls whose answers wait for the
   * socket, more would only wait with them. Where answers wait for a window, reading goes on: WINDOW_UPDATE is among what is read.
   */
  get #untaken(): boolean {
    const { socket, unsentBytes } = this.#connection;
    const full = socket.writableNeedDrain && unsentBytes > unsentBytesMax;
    // A client always reads: where both sides waited for each other, neither would go on.
    return socket.writableLength > untakenBytesMax || (full && this.#pace !== undefined);
  }

  /** Works on all that was read, without waiting for its turn. */
  hurry(): void {
    while (this.#yielded && !this.#connection.destroyed) {
      this.#yielded = false;
      this.#pace?.resume();
      this.#work(this.#chunks.shift());
    }
  }

  #goOn(): void {
    if (this.#yielded) {
      this.#pace?.resume();
      this.#goOnOnceTaken();
    }
  }

  #goOnOnceTaken(): void {
    if (this.#connection.destroyed || !this.#yielded) {
      return;
    }
    if (this.#untaken) {
      this.#connection.socket.once("drain", () => this.#goOnOnceTaken());
      return;
    }
    this.#yielded = false;
    this.#work(this.#chunks.shift());
  }
}
