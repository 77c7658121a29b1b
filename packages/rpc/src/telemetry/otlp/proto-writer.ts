/**
 * Encodes protobuf (https://protobuf.dev/programming-guides/encoding) into one growing buffer. Spans are encoded by hand: generated message objects
 * would cost five times as much as the rest of a call's bookkeeping.
 */
export class ProtoWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(bytes = 65_536) {
    this.#bytes = Buffer.allocUnsafe(bytes);
  }

  /** Returns the bytes written since the last call, and resets the writer. */
  take(): Uint8Array {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  /** Begins an embedded message. Subsequent writes are its content, until {@link end} is called with the result. */
  begin(field: number): number {
    this.#tag(field, 2);
    this.#room(lengthBytes);
    this.#at += lengthBytes;
    return this.#at;
  }

  /** Ends the embedded message that began at `start`. */
  end(start: number): void {
    const length = this.#at - start;
    const bytes = this.#bytes;
    bytes[start - 4] = (length & 0x7f) | 0x80;
    bytes[start - 3] = ((length >>> 7) & 0x7f) | 0x80;
    bytes[start - 2] = ((length >>> 14) & 0x7f) | 0x80;
    bytes[start - 1] = (length >>> 21) & 0x7f;
  }

  /** Bytes that are already protobuf. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  string(field: number, text: string): void {
    this.#tag(field, 2);
    // At most three bytes for each UTF-16 unit.
    this.#room(text.length * 3 + 5);
    if (text.length < 43) {
      // The length takes a fixed number of bytes, so it can be written after the text.
      const written = this.#bytes.write(text, this.#at + 1, "utf8");
      this.#bytes[this.#at] = written;
      this.#at += 1 + written;
      return;
    }
    const length = Buffer.byteLength(text);
    this.varint(length);
    this.#room(length);
    this.#at += this.#bytes.write(text, this.#at, "utf8");
  }

  /** Bytes from hexadecimal digits. */
  hex(field: number, digits: string): void {
    this.#tag(field, 2);
    const length = digits.length >>> 1;
    this.#room(length + 5);
    this.varint(length);
    this.#at += this.#bytes.write(digits, this.#at, "hex");
  }

  number(field: number, value: number): void {
    this.#tag(field, 0);
    this.varint(value);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, 5);
    this.#room(4);
    this.#bytes.writeUInt32LE(value >>> 0, this.#at);
    this.#at += 4;
  }

  /** A time in milliseconds since the Unix epoch, as nanoseconds in a fixed64. */
  nanoseconds(field: number, ms: number): void {
    this.#tag(field, 1);
    this.#room(8);
    // In two halves: a number cannot hold nanoseconds since 1970 exactly.
    const whole = Math.floor(ms);
    const low = (whole % 4_194_304) * 1_000_000 + Math.round((ms - whole) * 1_000_000);
    const high = Math.floor(whole / 4_194_304) * 1_000_000;
    // `high` counts units of 2^22 ns. The product fits into 64 bits.
    const carried = high * 2 ** 22;
    const top = Math.floor(carried / 2 ** 32) + Math.floor(low / 2 ** 32);
    const bottom = (carried % 2 ** 32) + (low % 2 ** 32);
    this.#bytes.writeUInt32LE(bottom % 2 ** 32, this.#at);
    this.#bytes.writeUInt32LE(top + Math.floor(bottom / 2 ** 32), this.#at + 4);
    this.#at += 8;
  }

  varint(value: number): void {
    this.#room(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
  }
}

/** Lengths are four-byte varints, padded as protobuf allows, so that content never has to be moved. */
const lengthBytes = 4;
