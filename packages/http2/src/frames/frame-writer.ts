import type { Duplex } from "node:stream";
import { flag, frameBytesMax, frameHeaderBytes, frameType, settingBytes, tableBytesDefault } from "./constants.ts";

/** Small enough to be copied next to the frames around it; larger payloads are written unchanged. */
const copiedBytesMax = 8_192;
const slabBytes = 65_536;

/**
 * Writes frames to a connection. The frames of one event-loop tick are coalesced into one write: a burst of calls costs one
 * system call, not three for each.
 */
export class FrameWriter {
  /** The largest header list that the peer accepts, in bytes (SETTINGS_MAX_HEADER_LIST_SIZE). */
  peerHeaderBytesMax: number = Number.POSITIVE_INFINITY;
  readonly #socket: Duplex;
  #slab: Buffer | undefined;
  /** The begin and the end of the unwritten part of the slab. */
  #from = 0;
  #to = 0;
  /** Pieces before that part. */
  #pieces: Uint8Array[] = [];
  #scheduled = false;
  /** Bytes not yet passed to the socket. */
  #pendingBytes = 0;
  readonly #onFlushed: () => void;
  #writing = 0;
  #tableBytes = tableBytesDefault;
  #tableUpdateDue = false;

  /** `onFlushed` is called when it is no longer {@link congested}, unless the socket's "drain" does so. */
  constructor(socket: Duplex, onFlushed: () => void = () => {}) {
    this.#socket = socket;
    this.#onFlushed = onFlushed;
  }

  /** Bytes not yet passed to the socket. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether the peer reads more slowly than we write: further data should wait. */
  get congested(): boolean {
    return this.#socket.writableNeedDrain || this.#pendingBytes > pendingBytesMax;
  }

  /** DATA. */
  data(id: number, payload: Uint8Array, end: boolean): void {
    this.#frame(frameType.data, end ? flag.endStream : 0, id, payload);
  }

  /**
   * The peer limits the size of our dynamic table. We use none. If the size falls below the default, the next header block must begin with
   * a size update (RFC 7541, section 4.2); ours is 0, and no later size is smaller.
   */
  setTableSize(bytes: number): void {
    if (bytes < this.#tableBytes) {
      this.#tableBytes = 0;
      this.#tableUpdateDue = true;
    }
  }

  /** HEADERS, and as many CONTINUATION as the block needs. */
  headers(id: number, fields: Uint8Array, end: boolean): void {
    const endStream = end ? flag.endStream : 0;
    let block = fields;
    if (this.#tableUpdateDue) {
      this.#tableUpdateDue = false;
      block = Buffer.concat([emptyTable, fields]);
    }
    if (block.length <= frameBytesMax) {
      this.#frame(frameType.headers, flag.endHeaders | endStream, id, block);
      return;
    }
    this.#frame(frameType.headers, endStream, id, block.subarray(0, frameBytesMax));
    for (let at = frameBytesMax; at < block.length; at += frameBytesMax) {
      const last = at + frameBytesMax >= block.length;
      this.#frame(frameType.continuation, last ? flag.endHeaders : 0, id, block.subarray(at, at + frameBytesMax));
    }
  }

  /** RST_STREAM. */
  reset(id: number, code: number): void {
    this.#number(frameType.reset, id, code);
  }

  /** WINDOW_UPDATE. */
  windowUpdate(id: number, bytes: number): void {
    this.#number(frameType.windowUpdate, id, bytes);
  }

  /** SETTINGS, by number. */
  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.allocUnsafe(settings.length * settingBytes);
    for (const [index, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, index * settingBytes);
      payload.writeUInt32BE(value, index * settingBytes + 2);
    }
    this.#frame(frameType.settings, 0, 0, payload);
  }

  settingsAck(): void {
    this.#frame(frameType.settings, flag.ack, 0, nothing);
  }

  ping(payload: Uint8Array, ack: boolean): void {
    this.#frame(frameType.ping, ack ? flag.ack : 0, 0, payload);
  }

  /** GOAWAY. `why` is for people who read the peer's log (RFC 9113, section 6.8: "additional debug data"). */
  goaway(lastStreamId: number, code: number, why = ""): void {
    const payload = Buffer.allocUnsafe(8 + why.length);
    payload.write(why, 8, "latin1");
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(code, 4);
    this.#frame(frameType.goaway, 0, 0, payload);
  }

  /** Bytes that are not a frame: a client's preface. */
  raw(bytes: Uint8Array): void {
    this.#copy(bytes);
    this.#schedule();
  }

  /** Writes pending frames now. */
  flush(): void {
    this.#scheduled = false;
    const socket = this.#socket;
    const last = this.#slab?.subarray(this.#from, this.#to) ?? nothing;
    this.#from = this.#to;
    const full = this.#pendingBytes > pendingBytesMax;
    this.#pendingBytes = 0;
    if (socket.destroyed || socket.writableEnded) {
      this.#pieces = [];
      return;
    }
    this.#writing++;
    if (this.#pieces.length === 0) {
      socket.write(last, this.#written);
      return;
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    socket.cork();
    for (const piece of pieces) {
      socket.write(piece);
    }
    socket.write(last, this.#written);
    socket.uncork();
    if (full && !socket.writableNeedDrain) {
      this.#onFlushed();
    }
  }

  /** Once the slab has no pending bytes, other connections may use it: most connections are silent most of the time. */
  readonly #written = () => {
    const slab = this.#slab;
    if (--this.#writing === 0 && slab !== undefined && this.#from === this.#to && this.#pieces.length === 0) {
      this.#slab = undefined;
      if (slabs.length < slabsMax) {
        slabs.push(slab);
      }
    }
  };

  #frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    const { length } = payload;
    this.#pendingBytes += length;
    this.#head(length, type, flags, id);
    if (length <= copiedBytesMax) {
      this.#copy(payload);
    } else {
      this.#cut();
      this.#pieces.push(payload);
    }
    this.#schedule();
  }

  #number(type: number, id: number, value: number): void {
    this.#head(4, type, 0, id);
    this.#room(4).writeUInt32BE(value, this.#to);
    this.#to += 4;
    this.#schedule();
  }

  #head(length: number, type: number, flags: number, id: number): void {
    const slab = this.#room(frameHeaderBytes);
    const at = this.#to;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    slab[at + 5] = id >>> 24;
    slab[at + 6] = id >>> 16;
    slab[at + 7] = id >>> 8;
    slab[at + 8] = id;
    this.#to = at + frameHeaderBytes;
  }

  #copy(bytes: Uint8Array): void {
    this.#room(bytes.length).set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** The slab, with room for this many bytes more. */
  #room(bytes: number): Buffer {
    let slab = this.#slab;
    if (slab === undefined || this.#to + bytes > slabBytes) {
      this.#cut();
      slab = slabs.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
      this.#slab = slab;
      this.#from = 0;
      this.#to = 0;
    }
    return slab;
  }

  #cut(): void {
    if (this.#slab !== undefined && this.#to > this.#from) {
      this.#pieces.push(this.#slab.subarray(this.#from, this.#to));
      this.#from = this.#to;
    }
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(flushWriter, this);
    }
  }
}

/**
 * The most data written in one event-loop turn before more has to wait, as with a full socket. More would be buffered here,
 * outside of the accounting of its stream, for a peer that may not read.
 */
const pendingBytesMax = 262_144;

/** Sets the size of the dynamic table to 0 (RFC 7541, section 6.3). */
const emptyTable = Buffer.from([0x20]);

const nothing = Buffer.alloc(0);

/** Idle slabs, for the next writers. As many as may be in use in one turn of a busy service. */
const slabs: Buffer[] = [];
const slabsMax = 64;

function flushWriter(writer: FrameWriter): void {
  writer.flush();
}
