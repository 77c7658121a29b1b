/** A piece of at least this many bytes is not copied. Smaller ones are copied together: a Buffer costs about 100 bytes of its own. */
const keptBytesMin = 4_096;
/** The initial buffer for small pieces, which doubles, so that an idle stream holds little. */
const roomBytesMin = 256;
const roomBytesMax = 65_536;

/** A queue of bytes: added in pieces of any size, removed in others. */
export class PieceQueue {
  /** How many bytes are in it. */
  byteLength = 0;
  #pieces: Buffer[] = [];
  /** The first piece with bytes left. Earlier ones are dropped from time to time. */
  #first = 0;
  /** Where the first piece's bytes begin. */
  #offset = 0;
  /** The buffer for small pieces: it becomes a piece when it is full, or when bytes are removed. */
  #room: Buffer | undefined;
  #roomUsed = 0;

  /** Adds a piece. A large one is not copied, and must not change afterwards. */
  push(piece: Buffer): void {
    if (piece.length === 0) {
      return;
    }
    // The first piece is not copied whatever its size: usually it contains whole messages, and is removed at once.
    if (this.byteLength === 0 || piece.length >= keptBytesMin) {
      this.#closeRoom();
      this.#pieces.push(piece);
    } else {
      this.#copy(piece);
    }
    this.byteLength += piece.length;
  }

  /** Removes the first bytes. There must be that many. */
  take(bytes: number): Buffer {
    if (bytes === 0) {
      return nothing;
    }
    this.byteLength -= bytes;
    const first = this.#firstPiece();
    const end = this.#offset + bytes;
    if (end <= first.length) {
      const taken = first.subarray(this.#offset, end);
      this.#advance(first, end);
      return taken;
    }
    const taken = Buffer.allocUnsafe(bytes);
    for (let filled = 0; filled < bytes; ) {
      const piece = this.#firstPiece();
      const pieceEnd = Math.min(piece.length, this.#offset + bytes - filled);
      piece.copy(taken, filled, this.#offset, pieceEnd);
      filled += pieceEnd - this.#offset;
      this.#advance(piece, pieceEnd);
    }
    return taken;
  }

  /** Removes one byte and four more, a big-endian number: an envelope's header. */
  takeHeader(): { readonly flags: number; readonly bytes: number } {
    const first = this.#firstPiece();
    const at = this.#offset;
    if (at + headerBytes > first.length) {
      const header = this.take(headerBytes);
      return { flags: header[0] as number, bytes: header.readUInt32BE(1) };
    }
    this.byteLength -= headerBytes;
    this.#advance(first, at + headerBytes);
    return { flags: first[at] as number, bytes: first.readUInt32BE(at + 1) };
  }

  #firstPiece(): Buffer {
    if (this.#first === this.#pieces.length) {
      this.#closeRoom();
    }
    return this.#pieces[this.#first] as Buffer;
  }

  #advance(piece: Buffer, end: number): void {
    if (end < piece.length) {
      this.#offset = end;
      return;
    }
    this.#offset = 0;
    this.#first++;
    if (this.#first === this.#pieces.length) {
      this.#pieces.length = 0;
      this.#first = 0;
    } else if (this.#first * 2 >= this.#pieces.length && this.#first >= droppedMin) {
      this.#pieces = this.#pieces.slice(this.#first);
      this.#first = 0;
    }
  }

  #copy(piece: Buffer): void {
    let room = this.#room;
    if (room === undefined || this.#roomUsed + piece.length > room.length) {
      const before = room?.length ?? roomBytesMin / 2;
      this.#closeRoom();
      room = Buffer.allocUnsafeSlow(Math.max(piece.length, Math.min(before * 2, roomBytesMax)));
      this.#room = room;
    }
    piece.copy(room, this.#roomUsed);
    this.#roomUsed += piece.length;
  }

  #closeRoom(): void {
    if (this.#room !== undefined) {
      this.#pieces.push(this.#room.subarray(0, this.#roomUsed));
      this.#room = undefined;
      this.#roomUsed = 0;
    }
  }
}

const headerBytes = 5;
const nothing = Buffer.alloc(0);
/** Pieces are dropped in blocks: dropping each at once would move all others. */
const droppedMin = 16;
