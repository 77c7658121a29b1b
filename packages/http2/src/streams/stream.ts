import type { AnyHttp2Stream } from "../any-connection.ts";
import { errorCode, frameBytesMax, partBytesMin } from "../frames/constants.ts";
import type { FrameWriter } from "../frames/frame-writer.ts";
import type { PeerWork } from "../peer-work.ts";
import type { StreamListener } from "./stream-listener.ts";
import type { StreamReceiveWindow } from "./stream-receive-window.ts";

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly writer: FrameWriter;
  /** What may be sent on all streams together (RFC 9113, section 5.2). */
  sendWindow: number;
  readonly work: PeerWork;
  /** The stream wants to be asked to go on, see {@link Http2Stream.pump}, as soon as the connection lets more out. */
  waitForWindow(stream: Http2Stream): void;
  /** So many bytes of what came in on the stream are held until more has come. May reset it, or {@link Http2Stream.holdWindow hold its window}. */
  onHeld(stream: Http2Stream, bytes: number): void;
  /** So much more, or less, waits to be sent on the stream than before. May reset it. */
  onQueued(stream: Http2Stream, bytes: number): void;
  /** The stream has ended. */
  forget(stream: Http2Stream): void;
}

/** One stream of a connection: a request and its answer. It queues what flow control does not let out yet. */
export class Http2Stream implements AnyHttp2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  /** What the other side lets us send on it. */
  sendWindow: number;
  /** What we let the other side send on it. */
  readonly receiveWindow: StreamReceiveWindow;
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
  /** Whether all that comes in is held until the other side has said everything, as a request of one message is. */
  collects = false;
  readonly #owner: StreamOwner;
  #heldBytes = 0;
  #queue: Uint8Array[] | undefined;
  #queuedBytes = 0;
  /** What the connection was told of {@link queuedBytes}. */
  #toldBytes = 0;
  #ending = false;
  #trailers: Uint8Array | undefined;

  constructor(
    owner: StreamOwner,
    id: number,
    windows: { readonly send: number; readonly receive: StreamReceiveWindow },
  ) {
    this.#owner = owner;
    this.id = id;
    this.sendWindow = windows.send;
    this.receiveWindow = windows.receive;
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
        owner.work.sent(length, 1);
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

  /** Sends what may be sent of what waits, in so many frames at most. */
  pump(framesMax: number = Number.POSITIVE_INFINITY): void {
    if (!this.closed && !this.localEnded) {
      this.#send(framesMax);
      this.#tellQueued();
    }
  }

  #send(framesMax: number): void {
    const owner = this.#owner;
    const queue = this.#queue;
    for (let frames = 0; queue !== undefined && queue.length > 0; frames++) {
      if (this.sendWindow <= 0) {
        // WINDOW_UPDATE on the stream itself, or SETTINGS, comes back to it.
        return;
      }
      const first = queue[0] as Uint8Array;
      const room = owner.sendWindow >= Math.min(first.length, partBytesMin, this.sendWindow);
      if (!room || owner.writer.congested || frames === framesMax) {
        owner.waitForWindow(this);
        return;
      }
      const size = Math.min(first.length, this.sendWindow, owner.sendWindow, frameBytesMax);
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
      owner.work.sent(size, whole ? 1 : 0);
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

  #tellQueued(): void {
    const bytes = this.#queuedBytes - this.#toldBytes;
    if (bytes !== 0) {
      this.#toldBytes = this.#queuedBytes;
      this.#owner.onQueued(this, bytes);
    }
  }

  /** Lets the other side send as much more as was taken. */
  taken(bytes: number): void {
    if (this.closed || this.remoteEnded) {
      return;
    }
    const more = this.receiveWindow.taken(bytes);
    if (more > 0) {
      this.#owner.writer.windowUpdate(this.id, more);
    }
  }

  /** Back-pressure: while its window is held, the other side may not send more than it may already. */
  holdWindow(held: boolean): void {
    this.receiveWindow.hold(held);
    this.taken(0);
  }

  /** So many bytes of what came in are held until more has come: the beginning of a message. Told to the connection's listener. */
  holdBytes(bytes: number): void {
    if (bytes !== this.#heldBytes) {
      this.#heldBytes = bytes;
      this.#owner.onHeld(this, bytes);
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

  /** Resets it for something that the peer did, which counts as a reset of the peer's. Throws where there were too many. */
  refuse(code: number): void {
    if (!this.closed) {
      this.reset(code);
      this.#owner.work.reset();
    }
  }

  /** For the connection: data came. False where it is more than the "content-length" says, which ends the stream (RFC 9113, section 8.1.1). */
  receive(bytes: Buffer): boolean {
    this.receivedBytes += bytes.length;
    if (this.expectedBytes >= 0 && this.receivedBytes > this.expectedBytes) {
      this.refuse(errorCode.protocol);
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
      this.refuse(errorCode.protocol);
      return;
    }
    this.remoteEnded = true;
    if (this.collects) {
      this.holdBytes(0);
    }
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
    this.#tellQueued();
    this.holdBytes(0);
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
