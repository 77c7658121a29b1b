/**
 * Collects a body from its pieces. A body in one piece, the usual case, is kept as it is. Small pieces are copied together as they come, so
 * that a body takes memory by its bytes and not by its number of pieces: a `Buffer` object of one byte takes more than 100.
 */
export class BodyCollector {
  /** The bytes so far. */
  length = 0;
  #first: Buffer | undefined;
  #whole: Buffer[] | undefined;
  #tail: Buffer | undefined;
  #tailBytes = 0;

  add(piece: Buffer): void {
    this.length += piece.length;
    if (this.#first === undefined) {
      this.#first = piece;
      return;
    }
    if (this.#whole === undefined) {
      this.#whole = [];
      this.#append(this.#first);
    }
    this.#append(piece);
  }

  /** The whole body so far. Nothing is added afterwards. */
  bytes(): Buffer {
    if (this.#whole === undefined) {
      return this.#first ?? noBytes;
    }
    this.#closeTail();
    const body = this.#whole.length === 1 ? (this.#whole[0] as Buffer) : Buffer.concat(this.#whole, this.length);
    this.#whole = undefined;
    this.#first = body;
    return body;
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

  #append(piece: Buffer): void {
    if (this.#tail === undefined || this.#tailBytes + piece.length > this.#tail.length) {
      this.#closeTail();
      if (piece.length >= smallPieceBytesMax) {
        this.#whole?.push(piece);
        return;
      }
      // Grows with the body, so that a slow body of few bytes takes little.
      this.#tail = Buffer.allocUnsafeSlow(Math.max(piece.length, Math.min(this.length * 2, tailBytesMax)));
    }
    piece.copy(this.#tail, this.#tailBytes);
    this.#tailBytes += piece.length;
  }

  #closeTail(): void {
    if (this.#tail !== undefined && this.#tailBytes > 0) {
      this.#whole?.push(this.#tail.subarray(0, this.#tailBytes));
    }
    this.#tail = undefined;
    this.#tailBytes = 0;
  }
}

const noBytes = Buffer.alloc(0);
/** From this size on, a piece is kept as it is: copying would cost more than the object around it. */
const smallPieceBytesMax = 4096;
/** Small pieces are copied into buffers of up to this size. */
const tailBytesMax = 64 * 1024;
