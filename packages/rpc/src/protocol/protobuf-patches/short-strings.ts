import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

/** The longest text with a length prefix of one byte. Ids, traces, names and reasons are shorter. */
const shortMax = 127;
/** The maximum length of a UTF-16 code unit in UTF-8. */
const utf8BytesMax = 3;
const { utf8Write } = Buffer.prototype;

/** The internals of a writer of `@bufbuild/protobuf` 2. */
interface WriterInside {
  buffer: Uint8Array;
  pos: number;
  ensureCapacity(size: number): void;
  string(value: string): unknown;
}

/** The internals of a reader. Only Node buffers have `latin1Slice`. */
interface ReaderInside {
  buf: Uint8Array & { latin1Slice?(start: number, end: number): string };
  pos: number;
  uint32(): number;
  string(strict?: boolean): string;
}

let isDone = false;

/**
 * Writes and reads short ASCII text, as nearly all text in messages is, without the views and the encoder calls that the library needs for text
 * over 32 characters. A version of the library with different internals is left unpatched.
 */
export function patchShortStrings(): void {
  const writer = BinaryWriter.prototype as unknown as WriterInside;
  const reader = BinaryReader.prototype as unknown as ReaderInside;
  if (isDone || !isKnownWriter()) {
    return;
  }
  isDone = true;
  const [write, read] = [writer.string, reader.string];

  writer.string = function (value) {
    if (typeof value !== "string" || value.length > shortMax) {
      return write.call(this, value);
    }
    const { length } = value;
    this.ensureCapacity(1 + length * utf8BytesMax);
    const { buffer, pos } = this;
    // If there are as many bytes as characters, all are ASCII. `charCodeAt` would be slower: strings have several internal types.
    if (utf8Write.call(buffer, value, pos + 1) !== length) {
      return write.call(this, value);
    }
    buffer[pos] = length;
    this.pos = pos + 1 + length;
    return this;
  };

  reader.string = function (strict) {
    const { buf, pos } = this;
    const length = buf[pos] ?? 0;
    const [start, end] = [pos + 1, pos + 1 + length];
    if (length > shortMax || end > buf.length || buf.latin1Slice === undefined) {
      return read.call(this, strict);
    }
    for (let index = start; index < end; index++) {
      if ((buf[index] as number) > 0x7f) {
        return read.call(this, strict);
      }
    }
    this.pos = end;
    return buf.latin1Slice(start, end);
  };
}

function isKnownWriter(): boolean {
  const { buffer, pos, ensureCapacity } = new BinaryWriter() as unknown as WriterInside;
  const reader = new BinaryReader(new Uint8Array([0])) as unknown as ReaderInside;
  return (
    buffer instanceof Uint8Array &&
    pos === 0 &&
    typeof ensureCapacity === "function" &&
    reader.buf instanceof Uint8Array &&
    reader.pos === 0
  );
}
