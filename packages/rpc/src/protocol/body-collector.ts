import { PieceQueue } from "./piece-queue.ts";

/**
 * Collects a body from its pieces. A body in one piece, the usual case, is not copied. Small pieces are copied together, so
 * that a body's memory depends on its bytes and not on its number of pieces: a `Buffer` object of one byte takes more than 100.
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

  /** The whole body so far. Nothing may be added afterwards. */
  bytes(): Buffer {
    if (this.#pieces !== undefined) {
      this.#first = this.#pieces.take(this.#pieces.byteLength);
      this.#pieces = undefined;
    }
    return this.#first ?? noBytes;
  }

  /** Returns the whole body and drops it; its {@link length} stays. */
  takeBytes(): Buffer {
    const body = this.bytes();
    this.#first = noBytes;
    return body;
  }

  /** Drops what was collected; the {@link length} stays. */
  drop(): void {
    this.#first = noBytes;
    this.#pieces = undefined;
  }

  /** Counts bytes that are dropped. */
  skip(bytes: number): void {
    this.length += bytes;
  }
}

const noBytes = Buffer.alloc(0);
