import { errorCode, frameBytesMax } from "./frames/constants.ts";
import type { FrameWriter } from "./frames/frame-writer.ts";

/** Who is told what comes in on a stream. */
export interface StreamListener {
  /** The headers of an answer: names and values in turn. Only where we asked. */
  onHeaders(fields: readonly string[]): void;
  onData(bytes: Buffer): void;
  onTrailers(fields: readonly string[]): void;
  /** The other side has said everything. */
  onEnd(): void;
  /** The stream has ended both ways, was reset, or lost its connection. Called once, last. */
  onClose(): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly writer: FrameWriter;
  /** What may be sent on all streams together (RFC 9113, section 5.2). */
  sendWindow: number;
  /** The stream wants to be asked to go on, see {@link Http2Stream.pump}, as soon as more may be sent. */
  waitForWindow(stream: Http2Stream): void;
  /** The stream has ended. */
  forget(stream: Http2Stream): void;
}

/** One stream of a connection: a request and its answer. It queues what flow control does not let out yet. */
export class Http2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  /** What the other side lets us send on it. */
  sendWindow: number;
  /** What we let the other side send on it. */
  receiveWindow: number;
  /** Whether it has ended both ways, was reset, or lost its connection. */
  closed = false;
  /** Whether this side has reset it. */
  resetSent = false;
  /** Why it was reset, one of `errorCode`; 0 if it was not. */
  resetCode: number = errorCode.none;
  /** What the other side says that it will send in all; -1 if it does not say. */
  expectedBytes = -1;
  /** What it has sent so far. */
  receivedBytes = 0;
  /** Whether the headers of the answer are here. Only where we asked. */
  answered = false;
  /** Whether the other side has said everything. */
  remoteEnded = false;
  /** Whether all that we have to say is on its way. */
  localEnded = false;
  headersSent = false;
  /** Called when the queue has become empty. */
  onDrained: (() => void) | undefined;
  readonly #owner: StreamOwner;
  readonly #windowBytes: number;
  #unannounced = 0;
  #queue: Uint8Array[] | undefined;
  #queuedBytes = 0;
  #ending = false;
  #trailers: Uint8Array | undefined;

  constructor(owner: StreamOwner, id: number, windows: { readonly send: number; readonly receive: number }) {
    this.#owner = owner;
    this.id = id;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
    this.#windowBytes = windows.receive;
  }

  /** The bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends a block of headers, see `encodeFields`. */
  sendHeaders(block: Uint8Array, end = false): void {
    if (this.closed || this.#ending) {
      return;
    }
    this.headersSent = true;
    this.#owner.writer.headers(this.id, block, end);
    if (end) {
      this.#ending = true;
      this.#endLocal();
    }
  }

  /** Sends data, now or when flow control lets it out. The bytes are not copied, and must not change any more. */
  sendData(bytes: Uint8Array): void {
    if (this.closed || this.#ending || bytes.length === 0) {
      return;
    }
    this.#queue ??= [];
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.pump();
  }

  /** The last data, and trailers, if there are any. */
  end(bytes?: Uint8Array, trailers?: Uint8Array): void {
    if (this.closed || this.#ending) {
      return;
    }
    this.#ending = true;
    this.#trailers = trailers;
    const owner = this.#owner;
    if (this.#queue === undefined && bytes !== undefined) {
      const { length } = bytes;
      // What nearly every answer is: one frame that may go out at once.
      if (
        length <= this.sendWindow &&
        length <= owner.sendWindow &&
        length <= frameBytesMax &&
        !owner.writer.congested
      ) {
        this.sendWindow -= length;
        owner.sendWindow -= length;
        owner.writer.data(this.id, bytes, trailers === undefined);
        if (trailers !== undefined) {
          owner.writer.headers(this.id, trailers, true);
        }
        this.#endLocal();
        return;
      }
    }
    if (bytes !== undefined && bytes.length > 0) {
      this.#queue ??= [];
      this.#queue.push(bytes);
      this.#queuedBytes += bytes.length;
    }
    this.pump();
  }

  /** Sends what may be sent of what waits. */
  pump(): void {
    const owner = this.#owner;
    if (this.closed || this.localEnded) {
      return;
    }
    const queue = this.#queue;
    while (queue !== undefined && queue.length > 0) {
      const first = queue[0] as Uint8Array;
      const size = Math.min(first.length, this.sendWindow, owner.sendWindow, frameBytesMax);
      if (size <= 0 || owner.writer.congested) {
        owner.waitForWindow(this);
        return;
      }
      const whole = size === first.length;
      if (whole) {
        queue.shift();
      } else {
        queue[0] = first.subarray(size);
      }
      this.#queuedBytes -= size;
      this.sendWindow -= size;
      owner.sendWindow -= size;
      const last = this.#ending && queue.length === 0 && this.#trailers === undefined;
      owner.writer.data(this.id, whole ? first : first.subarray(0, size), last);
      if (last) {
        this.#queue = undefined;
        this.#endLocal();
        return;
      }
    }
    this.#queue = undefined;
    if (this.#ending) {
      if (this.#trailers === undefined) {
        owner.writer.data(this.id, nothing, true);
      } else {
        owner.writer.headers(this.id, this.#trailers, true);
      }
      this.#endLocal();
    } else {
      this.onDrained?.();
    }
  }

  /** Lets the other side send as much more as was taken. */
  taken(bytes: number): void {
    if (this.closed || this.remoteEnded) {
      return;
    }
    this.#unannounced += bytes;
    if (this.#unannounced * 2 >= this.#windowBytes) {
      this.receiveWindow += this.#unannounced;
      this.#owner.writer.windowUpdate(this.id, this.#unannounced);
      this.#unannounced = 0;
    }
  }

  /** Ends it at once, with RST_STREAM. */
  reset(code: number): void {
    if (!this.closed) {
      this.resetSent = true;
      this.#owner.writer.reset(this.id, code);
      this.close(code);
    }
  }

  /** For the connection: data came. False where it is more than the "content-length" says, which ends the stream (RFC 9113, section 8.1.1). */
  receive(bytes: Buffer): boolean {
    this.receivedBytes += bytes.length;
    if (this.expectedBytes >= 0 && this.receivedBytes > this.expectedBytes) {
      this.reset(errorCode.protocol);
      return false;
    }
    this.listener?.onData(bytes);
    return true;
  }

  /** For the connection: the other side has said everything. */
  endRemote(): void {
    if (this.closed) {
      return;
    }
    if (this.expectedBytes >= 0 && this.expectedBytes !== this.receivedBytes) {
      // Its "content-length" says something else (RFC 9113, section 8.1.1).
      this.reset(errorCode.protocol);
      return;
    }
    this.remoteEnded = true;
    this.listener?.onEnd();
    if (this.localEnded) {
      this.close(errorCode.none);
    }
  }

  /** For the connection: it is over. */
  close(code: number): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    this.resetCode = code;
    this.#queue = undefined;
    this.#queuedBytes = 0;
    this.#owner.forget(this);
    const { listener } = this;
    this.listener = undefined;
    listener?.onClose();
  }

  #endLocal(): void {
    this.localEnded = true;
    this.onDrained?.();
    if (this.remoteEnded) {
      this.close(errorCode.none);
    }
  }
}

const nothing = Buffer.alloc(0);
