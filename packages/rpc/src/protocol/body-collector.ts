import { PieceQueue } from "./piece-queue.ts";

/**
 * Collects a body from its pieces. A body in one piece, the usual case, is kept as it is. Small pieces are copied together as they come, so
 * that a body takes memory by its bytes and not by its number of pieces: a `Buffer` object of one byte takes more than 100.
 */
export class BodyCollector {
  /** The bytes so far. */
  length = 0;
  #first: Buffer | undefined;
  #pieces: PieceQueue | undefined;

  add(piece: Buffer): void {
    this.length += piece.length;
    if (this.#first === undefined) {
      this.#first = piece;
      return;
    }
    if (this.#pieces === undefined) {
      this.#pieces = new PieceQueue();
      this.#pieces.push(this.#first);
    }
    this.#pieces.push(piece);
  }

  /** The whole body so far. Nothing is added afterwards. */
  bytes(): Buffer {
    if (this.#pieces !== undefined) {
      this.#first = this.#pieces.take(this.#pieces.byteLength);
      this.#pieces = undefined;
    }
    return this.#first ?? noBytes;
  }

  /** The whole body, which is then forgotten; its {@link length} is not. */
  takeBytes(): Buffer {
    const body = this.bytes();
    this.#first = noBytes;
    return body;
  }

  /** Counts bytes that are dropped. */
  skip(bytes: number): void {
    this.length += bytes;
  }
}

const noBytes = Buffer.alloc(0);
