import { PeerLimitError } from "../peer-work.ts";
import {
  ConnectionError,
  errorCode,
  flag,
  frameBytesMax,
  frameHeaderBytes,
  frameType,
  preface,
  windowBytesMax,
} from "./constants.ts";
import { checkPriority, priorityBytes } from "./frame-checks.ts";

/** The receiver of frames. It throws a {@link ConnectionError} for protocol violations. */
export interface FrameSink {
  /** The connection has ended: the remaining bytes are ignored. */
  readonly destroyed: boolean;
  /** Whether reading pauses here, until {@link FrameReader.resume}. Asked after each frame. */
  readonly yields: boolean;
  /** DATA begins. Its payload without padding follows in pieces, as it arrives. */
  onData(id: number, sizes: { readonly frame: number; readonly data: number }, ends: boolean): void;
  onDataPiece(piece: Buffer, last: boolean): void;
  /** A complete header block, from one or several frames. */
  onBlock(id: number, block: Buffer, ends: boolean): void;
  /** Any other frame. */
  onControl(type: number, flags: number, id: number, payload: Buffer): void;
}

/** Parses the frames in a socket's reads (RFC 9113, sections 4 and 6). Copies only frames that are split between two reads. */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #blockBytesMax: number;
  readonly #blockPartsMax: number;
  #prefaceLeft: number;
  #settled = false;
  #rest: Buffer | undefined;
  /** The rest of a DATA frame. */
  #dataLeft = 0;
  /** An incomplete header block. */
  #block: { readonly id: number; readonly ends: boolean; readonly parts: Buffer[]; bytes: number } | undefined;

  constructor(sink: FrameSink, options: { readonly expectPreface: boolean; readonly headerBytesMax: number }) {
    this.#sink = sink;
    this.#prefaceLeft = options.expectPreface ? preface.length : 0;
    // Huffman-coded text takes five bits a character at least: a longer block cannot be within the limit.
    this.#blockBytesMax = options.headerBytesMax * 2 + frameBytesMax;
    this.#blockPartsMax = blockPartsSpare + Math.ceil(this.#blockBytesMax / frameBytesMax);
  }

  read(chunk: Buffer): void {
    this.#readFrames(this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]));
  }

  /** Continues with the bytes that were left when the sink paused it. */
  resume(): void {
    if (this.#rest !== undefined) {
      this.#readFrames(this.#rest);
    }
  }

  #readFrames(bytes: Buffer): void {
    this.#rest = undefined;
    let at = this.#prefaceLeft === 0 ? 0 : this.#readPreface(bytes);
    while (!this.#sink.destroyed) {
      const end = this.#dataLeft > 0 ? this.#readData(bytes, at) : this.#readFrame(bytes, at);
      if (end === at) {
        break;
      }
      at = end;
      if (this.#sink.yields) {
        break;
      }
    }
    if (at < bytes.length && !this.#sink.destroyed) {
      this.#rest = bytes.subarray(at);
    }
  }

  #readPreface(bytes: Buffer): number {
    const size = Math.min(this.#prefaceLeft, bytes.length);
    const from = preface.length - this.#prefaceLeft;
    if (preface.compare(bytes, 0, size, from, from + size) !== 0) {
      throw new ConnectionError("the connection preface is not that of HTTP/2");
    }
    this.#prefaceLeft -= size;
    return size;
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#dataLeft);
    if (end > at) {
      this.#dataLeft -= end - at;
      this.#sink.onDataPiece(bytes.subarray(at, end), this.#dataLeft === 0);
    }
    return end;
  }

  /** The end of the frame; its beginning, if it is incomplete. */
  #readFrame(bytes: Buffer, at: number): number {
    const left = bytes.length - at;
    if (left < frameHeaderBytes) {
      return at;
    }
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length > frameBytesMax) {
      throw new ConnectionError("a frame exceeds SETTINGS_MAX_FRAME_SIZE", errorCode.frameSize);
    }
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const id = bytes.readUInt32BE(at + 5) & windowBytesMax;
    this.#checkOrder(type, flags, id);
    const start = at + frameHeaderBytes;
    if (type === frameType.data && (flags & flag.padded) === 0) {
      this.#dataLeft = length;
      this.#sink.onData(id, { frame: length, data: length }, (flags & flag.endStream) !== 0);
      return start;
    }
    if (left < frameHeaderBytes + length) {
      return at;
    }
    this.#onFrame(type, flags, id, bytes.subarray(start, start + length));
    return start + length;
  }

  /** SETTINGS come first (section 3.4), and no other frame may interrupt a header block (section 6.10). */
  #checkOrder(type: number, flags: number, id: number): void {
    if (!this.#settled) {
      if (type !== frameType.settings || (flags & flag.ack) !== 0) {
        throw new ConnectionError("the first frame must be SETTINGS");
      }
      this.#settled = true;
    }
    const block = this.#block;
    if ((type === frameType.continuation) !== (block !== undefined) || (block !== undefined && block.id !== id)) {
      throw new ConnectionError("CONTINUATION frames must follow HEADERS directly, on the same stream");
    }
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case frameType.data: {
        const data = unpadded(payload, flags);
        this.#sink.onData(id, { frame: payload.length, data: data.length }, (flags & flag.endStream) !== 0);
        if (data.length > 0) {
          this.#sink.onDataPiece(data, true);
        }
        return;
      }
      case frameType.headers:
        this.#onHeaders(flags, id, payload);
        return;
      case frameType.continuation:
        this.#onContinuation(flags, payload);
        return;
      default:
        this.#sink.onControl(type, flags, id, payload);
    }
  }

  #onHeaders(flags: number, id: number, payload: Buffer): void {
    let block = unpadded(payload, flags);
    if ((flags & flag.priority) !== 0) {
      checkPriority(id, block, block.length >= priorityBytes);
      block = block.subarray(priorityBytes);
    }
    const ends = (flags & flag.endStream) !== 0;
    if ((flags & flag.endHeaders) !== 0) {
      this.#sink.onBlock(id, block, ends);
    } else {
      this.#block = { id, ends, parts: [Buffer.from(block)], bytes: block.length };
    }
  }

  #onContinuation(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) {
      return;
    }
    block.parts.push(Buffer.from(payload));
    block.bytes += payload.length;
    if (block.bytes > this.#blockBytesMax || block.parts.length > this.#blockPartsMax) {
      throw new PeerLimitError("header_frames", "a header block has too many CONTINUATION frames");
    }
    if ((flags & flag.endHeaders) !== 0) {
      this.#block = undefined;
      this.#sink.onBlock(block.id, Buffer.concat(block.parts), block.ends);
    }
  }
}

/** How many frames more than needed a header block may have: clients fill their frames (CVE-2024-27316). */
const blockPartsSpare = 14;

function unpadded(payload: Buffer, flags: number): Buffer {
  if ((flags & flag.padded) === 0) {
    return payload;
  }
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length) {
    throw new ConnectionError("the padding exceeds the frame");
  }
  return payload.subarray(1, payload.length - padding);
}
