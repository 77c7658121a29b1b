import type { AnyHttp2Stream } from "../any-connection.ts";
import { errorCode, frameBytesMax, partBytesMin } from "../frames/constants.ts";
import type { FrameWriter } from "../frames/frame-writer.ts";
import type { PeerWork } from "../peer-work.ts";
import type { StreamListener } from "./stream-listener.ts";
import type { StreamReceiveWindow } from "./stream-receive-window.ts";

/** The connection's functions that a stream uses. */
export interface StreamOwner {
  readonly writer: FrameWriter;
  /** The connection's send window (RFC 9113, section 5.2). */
  sendWindow: number;
  readonly work: PeerWork;
  /** Asks for a call of {@link Http2Stream.pump} as soon as the connection allows more data. */
  waitForWindow(stream: Http2Stream): void;
  /** This many received bytes of the stream are held until more arrive. May reset it, or {@link Http2Stream.holdWindow hold its window}. */
  onHeld(stream: Http2Stream, bytes: number): void;
  /** The stream's unsent bytes changed by this much. May reset it. */
  onQueued(stream: Http2Stream, bytes: number): void;
  /** The stream has ended. */
  forget(stream: Http2Stream): void;
}

/** One stream of a connection: a request and its response. It queues data that flow control does not allow yet. */
export class Http2Stream implements AnyHttp2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  sendWindow: number;
  readonly receiveWindow: StreamReceiveWindow;
  /** Whether it has ended both ways, was reset, or lost its connection. */
  closed = false;
  /** Whether this side has reset it. */
  resetSent = false;
  /** The error code of its RST_STREAM, one of `errorCode`; 0 if it was not reset. */
  resetCode: number = errorCode.none;
  /** The peer's content-length; -1 if there is none. */
  expectedBytes = -1;
  /** The bytes received so far. */
  receivedBytes = 0;
  /** Whether the response's headers arrived. On a client only. */
  answered = false;
  /** Whether the peer has sent END_STREAM. */
  remoteEnded = false;
  /** Whether END_STREAM of this side was sent or queued. */
  localEnded = false;
  headersSent = false;
  /** Called when the queue has become empty. */
  onDrained: (() => void) | undefined;
  /** Whether all received data counts as held until END_STREAM: for requests of one message. */
  collects = false;
  readonly #owner: StreamOwner;
  #heldBytes = 0;
  #queue: Uint8Array[] | undefined;
  #queuedBytes = 0;
  /** The last reported value of {@link queuedBytes}. */
  #reportedBytes = 0;
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

  get peerHeaderBytesMax(): number {
    return this.#owner.writer.peerHeaderBytesMax;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Sends a header block, see `encodeFields`. */
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

  /** Sends data, now or when flow control allows it. The bytes are not copied, and must not change afterwards. */
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
      // Nearly every response: one frame that may be sent at once.
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

  /** Sends queued data as allowed, in at most this many frames. */
  pump(framesMax: number = Number.POSITIVE_INFINITY): void {
    if (!this.closed && !this.localEnded) {
      this.#send(framesMax);
      this.#reportQueued();
    }
  }

  #send(framesMax: number): void {
    const owner = this.#owner;
    const queue = this.#queue;
    for (let frames = 0; queue !== undefined && queue.length > 0; frames++) {
      if (this.sendWindow <= 0) {
        // WINDOW_UPDATE on the stream itself, or SETTINGS, resumes it.
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

  #reportQueued(): void {
    const bytes = this.#queuedBytes - this.#reportedBytes;
    if (bytes !== 0) {
      this.#reportedBytes = this.#queuedBytes;
      this.#owner.onQueued(this, bytes);
    }
  }

  /** Replenishes the receive window by the bytes that the application has read. */
  taken(bytes: number): void {
    if (this.closed || this.remoteEnded) {
      return;
    }
    const more = this.receiveWindow.taken(bytes);
    if (more > 0) {
      this.#owner.writer.windowUpdate(this.id, more);
    }
  }

  /** Backpressure: while its window is held, it is not replenished. */
  holdWindow(held: boolean): void {
    this.receiveWindow.hold(held);
    this.taken(0);
  }

  /** This many received bytes are held until more arrive: the beginning of a message. Reported to the connection's listener. */
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

  /** Resets it for an error of the peer, which counts as a reset of the peer's. Throws if there were too many. */
  refuse(code: number): void {
    if (!this.closed) {
      this.reset(code);
      this.#owner.work.reset();
    }
  }

  /** For the connection: DATA arrived. False if it exceeds the content-length, which ends the stream (RFC 9113, section 8.1.1). */
  receive(bytes: Buffer): boolean {
    this.receivedBytes += bytes.length;
    if (this.expectedBytes >= 0 && this.receivedBytes > this.expectedBytes) {
      this.refuse(errorCode.protocol);
      return false;
    }
    this.listener?.onData(bytes);
    return true;
  }

  /** For the connection: the peer sent END_STREAM. */
  endRemote(): void {
    if (this.closed) {
      return;
    }
    if (this.expectedBytes >= 0 && this.expectedBytes !== this.receivedBytes) {
      // The content-length differs (RFC 9113, section 8.1.1).
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

  /** For the connection: the stream has ended. */
  close(code: number): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    this.resetCode = code;
    this.#queue = undefined;
    this.#queuedBytes = 0;
    this.#reportQueued();
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
