import type { Socket } from "node:net";
import type { ReadTurns } from "@parley/http2";

/** What divides the time between connections. */
export type ClientTurns = Pick<ReadTurns, "isBusy" | "sliceMs" | "defer">;

/**
 * Passes what a socket reads to Node's HTTP/1.1 parser in pieces, and takes turns with the other connections of the process. Otherwise the parser
 * would emit all chunks of a read at once: 64 KiB hold 10,900 chunks of one byte, and handling them takes 40 ms. Reading stops while pieces wait.
 *
 * Must be called once the socket is connected, before it is given to Node's client.
 */
export function paceReads(socket: Socket, turns: ClientTurns): void {
  const reads = new Http1ClientReads(socket, turns);
  // Node pushes what it reads, TLS or not, and `_read` starts reading. The parser listens to the stream, which is not changed.
  socket.push = (chunk: Buffer | null) => reads.onRead(chunk);
  socket._read = (size) => reads.onWanted(size);
  socket.on("close", () => reads.discard());
  // Bytes after the end of a response must not become the beginning of the next one.
  socket.on("free", () => {
    if (reads.isWaiting) {
      socket.destroy();
    }
  });
}

class Http1ClientReads {
  readonly #socket: Socket;
  readonly #turns: ClientTurns;
  readonly #push: Socket["push"];
  readonly #startReading: Socket["_read"];
  /** What was read and not yet passed on. Null is the end. One read, since reading stops while it waits, and the end. */
  #rest: (Buffer | null)[] = [];
  /** Whether it waits for its turn. */
  #yielded = false;
  /** Whether the stream's buffer is full: it asks for more. */
  #isFull = false;

  constructor(socket: Socket, turns: ClientTurns) {
    this.#socket = socket;
    this.#turns = turns;
    this.#push = socket.push.bind(socket);
    this.#startReading = socket._read.bind(socket);
  }

  /** Whether bytes wait that were read. */
  get isWaiting(): boolean {
    return this.#rest.length > 0;
  }

  /** Returns whether reading goes on. */
  onRead(chunk: Buffer | null): boolean {
    const isIdle = this.#rest.length === 0;
    if (isIdle && (chunk === null || (chunk.length <= pieceBytes && !this.#turns.isBusy))) {
      // The common case: a response in one piece.
      return this.#push(chunk);
    }
    this.#rest.push(chunk);
    if (isIdle && this.#turns.isBusy) {
      this.#yield();
    } else if (isIdle) {
      this.#feed();
    }
    return this.#rest.length === 0 && !this.#isFull;
  }

  /** The stream has room. */
  onWanted(size: number): void {
    this.#isFull = false;
    if (this.#rest.length === 0) {
      this.#startReading(size);
    } else if (!this.#yielded) {
      // Not at once: the stream asks for more while it emits.
      this.#yield();
    }
  }

  discard(): void {
    this.#rest = [];
  }

  #feed(): void {
    if (this.#socket.destroyed) {
      this.discard();
    }
    const endMs = performance.now() + this.#turns.sliceMs;
    while (this.#rest.length > 0 && !this.#isFull && !this.#socket.destroyed) {
      // The last piece is pushed when nothing waits: the stream then asks for more, which starts reading.
      this.#isFull = !this.#push(this.#nextPiece());
      if (performance.now() >= endMs) {
        break;
      }
    }
    if (this.#rest.length > 0 && !this.#isFull && !this.#yielded && !this.#socket.destroyed) {
      this.#yield();
    }
  }

  #nextPiece(): Buffer | null {
    const [first = null] = this.#rest;
    if (first === null || first.length <= pieceBytes) {
      this.#rest.shift();
      return first;
    }
    this.#rest[0] = first.subarray(pieceBytes);
    return first.subarray(0, pieceBytes);
  }

  #yield(): void {
    this.#yielded = true;
    const resume = () => {
      this.#yielded = false;
      this.#feed();
    };
    this.#turns.defer(resume, { group: this, kind: "backlog" });
  }
}

/** Most responses fit. As chunks of one byte it takes about 4 ms. */
const pieceBytes = 8_192;
