import { BinaryWriter } from "@bufbuild/protobuf/wire";

/** Nearly every message fits. A longer one moves to buffers of its own. */
const sharedLength = 64 * 1024;

/** The internals of a writer of `@bufbuild/protobuf` 2. */
interface WriterInside {
  buffer: Uint8Array;
  pos: number;
  stackPos: number[];
  ensureCapacity(size: number): void;
  finish(): Uint8Array;
}

let free: Uint8Array | undefined;
let isShared = false;

/**
 * Encodes every message of the process in one buffer, and copies it into Node's pool when it is complete.
 *
 * `toBinary` creates a writer for each message, which starts with 128 bytes and doubles them until the message fits. On Node a buffer of
 * more than 64 bytes costs more than writing its content: a shared one makes encoding three to five times as fast. A
 * version of the library with different internals is left unpatched.
 */
export function shareEncodingBuffer(): void {
  const writer = BinaryWriter.prototype as unknown as WriterInside;
  if (isShared || typeof writer.ensureCapacity !== "function" || !isKnownWriter()) {
    return;
  }
  isShared = true;
  const grow = writer.ensureCapacity;

  writer.ensureCapacity = function (size) {
    if (this.pos + size <= this.buffer.length) {
      return;
    }
    if (this.buffer.length === 0) {
      // The current encoder has it. A failed one never returns it, and the next allocates another.
      this.buffer = free ?? new Uint8Array(sharedLength);
      free = undefined;
    }
    grow.call(this, size);
  };

  writer.finish = function () {
    const { buffer, pos } = this;
    const encoded = Buffer.allocUnsafe(pos);
    encoded.set(buffer.subarray(0, pos));
    if (buffer.length === sharedLength) {
      this.buffer = nothing;
      free = buffer;
    }
    this.pos = 0;
    this.stackPos = [];
    return encoded;
  };
}

const nothing = new Uint8Array(0);

function isKnownWriter(): boolean {
  const { buffer, pos, stackPos } = new BinaryWriter() as unknown as WriterInside;
  return buffer instanceof Uint8Array && buffer.length === 0 && pos === 0 && Array.isArray(stackPos);
}
