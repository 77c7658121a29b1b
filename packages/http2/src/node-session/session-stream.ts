import type { ClientHttp2Stream, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AnyHttp2Stream } from "../any-connection.ts";
import { errorCode } from "../frames/constants.ts";
import type { StreamListener } from "../streams/stream-listener.ts";
import { nodeHeaders } from "./node-headers.ts";

/** The connection's functions that a stream uses. */
export interface SessionStreamOwner {
  /** The stream's unsent bytes changed by this much. May reset it. */
  onQueued(stream: SessionStream, bytes: number): void;
  /** This many received bytes are held until more arrive. May reset the stream, or hold its window. */
  onHeld(stream: SessionStream, bytes: number): void;
  /** The stream has ended. */
  forget(stream: SessionStream): void;
}

type NodeHttp2Stream = ClientHttp2Stream | ServerHttp2Stream;

/** A stream of a `node:http2` session. */
export class SessionStream implements AnyHttp2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  closed = false;
  resetCode: number = errorCode.none;
  remoteEnded = false;
  headersSent = false;
  queuedBytes = 0;
  onDrained: (() => void) | undefined;
  collects = false;
  /** nghttp2 checks the length itself. */
  expectedBytes = -1;
  readonly #native: NodeHttp2Stream;
  readonly #owner: SessionStreamOwner;
  #heldBytes = 0;
  /** Received bytes that were not {@link taken}. Beyond a limit Node stops reading, and the peer's window closes. */
  #unprocessedBytes = 0;
  #windowHeld = false;
  #ending = false;
  /** Whether response headers arrived. On a client only. */
  #answered = false;
  #trailers: Uint8Array | undefined;
  /**
   * The headers of a response, until it is known whether trailers follow. If they may, Node asks for them after the last data, and END_STREAM
   * is sent late: a client that has seen the error by then may reset a request that continues, and lose the response.
   */
  #heldHeaders: OutgoingHttpHeaders | undefined;

  get peerHeaderBytesMax(): number {
    return this.#native.session?.remoteSettings?.maxHeaderListSize ?? Number.POSITIVE_INFINITY;
  }

  constructor(native: NodeHttp2Stream, owner: SessionStreamOwner) {
    this.#native = native;
    this.#owner = owner;
    this.id = native.id ?? 0;
    native.on("trailers", (_headers: unknown, _flags: number, fields: readonly string[]) =>
      this.listener?.onTrailers(fields),
    );
    native.on("end", () => this.#endRemote());
    native.on("close", () => this.#close(native.rstCode ?? errorCode.none));
    native.on("wantTrailers", () => native.sendTrailers(nodeHeaders(this.#trailers ?? nothing)));
    // "close" follows, with the code.
    native.on("error", () => {});
    if (!isServerStream(native)) {
      native.once("response", (_headers: unknown, _flags: number, fields: readonly string[]) => {
        this.#answered = true;
        this.listener?.onHeaders(fields);
        this.#read();
      });
    } else {
      this.#read();
    }
  }

  get localEnded(): boolean {
    return this.#ending && this.queuedBytes === 0;
  }

  sendHeaders(block: Uint8Array, end = false): void {
    const native = this.#native;
    if (this.closed || this.#ending || !isServerStream(native)) {
      return;
    }
    const headers = nodeHeaders(block);
    if (Number(headers[":status"]) < 200) {
      native.additionalHeaders(headers);
      return;
    }
    this.headersSent = true;
    this.#ending = end;
    this.#heldHeaders = headers;
    if (end) {
      this.#respond({ endStream: true });
    } else {
      process.nextTick(() => this.#respond({ waitForTrailers: true }));
    }
  }

  sendData(bytes: Uint8Array): void {
    if (!this.closed && !this.#ending && bytes.length > 0) {
      this.#respond({ waitForTrailers: true });
      this.#queue(bytes.length);
      this.#native.write(bytes, this.#onWritten(bytes.length));
    }
  }

  end(bytes: Uint8Array = nothing, trailers?: Uint8Array): void {
    if (this.closed || this.#ending) {
      return;
    }
    this.#ending = true;
    this.#trailers = trailers;
    this.#respond({ waitForTrailers: trailers !== undefined });
    if (bytes.length > 0) {
      this.#queue(bytes.length);
      // It may have been reset for its unsent bytes.
      if (!this.closed) {
        this.#native.write(bytes, this.#onWritten(bytes.length));
      }
    }
    if (!this.closed) {
      this.#native.end();
    }
  }

  taken(bytes: number): void {
    this.#unprocessedBytes = Math.max(0, this.#unprocessedBytes - bytes);
    this.#pauseOrResume();
  }

  holdWindow(held: boolean): void {
    this.#windowHeld = held;
    this.#pauseOrResume();
  }

  holdBytes(bytes: number): void {
    if (bytes !== this.#heldBytes) {
      this.#heldBytes = bytes;
      this.#owner.onHeld(this, bytes);
    }
  }

  reset(code: number): void {
    if (!this.closed) {
      this.#native.close(code);
      // Its listener is done with it. Node keeps the stream until its received data has been read.
      this.#native.resume();
      this.#close(code);
    }
  }

  /** Node counts only streams that the peer itself resets. */
  refuse(code: number): void {
    this.reset(code);
  }

  #respond(options: { readonly endStream?: boolean; readonly waitForTrailers?: boolean }): void {
    const headers = this.#heldHeaders;
    const native = this.#native;
    this.#heldHeaders = undefined;
    if (headers === undefined || this.closed || !isServerStream(native)) {
      return;
    }
    try {
      native.respond(headers, { ...options, sendDate: false } as object);
    } catch {
      // Node refuses some headers that this package accepts.
      this.reset(errorCode.internal);
    }
  }

  #read(): void {
    this.#native.on("data", (bytes: Buffer) => this.#receive(bytes));
  }

  #receive(bytes: Buffer): void {
    const { listener } = this;
    if (listener === undefined) {
      return;
    }
    this.#unprocessedBytes += bytes.length;
    if (this.collects) {
      this.holdBytes(this.#heldBytes + bytes.length);
    }
    listener.onData(bytes);
    this.#pauseOrResume();
  }

  #pauseOrResume(): void {
    const native = this.#native;
    const pause = !this.closed && (this.#windowHeld || this.#unprocessedBytes >= unprocessedBytesMax);
    if (pause && !native.isPaused()) {
      native.pause();
    } else if (!pause && native.isPaused()) {
      native.resume();
    }
  }

  #endRemote(): void {
    const native = this.#native;
    // Node reports RST_STREAM with NO_ERROR as an end, too.
    const unanswered = !isServerStream(native) && !this.#answered;
    if (this.closed || native.aborted || unanswered || (native.rstCode ?? errorCode.none) !== errorCode.none) {
      return;
    }
    this.remoteEnded = true;
    if (this.collects) {
      this.holdBytes(0);
    }
    this.listener?.onEnd();
  }

  #queue(bytes: number): void {
    this.queuedBytes += bytes;
    this.#owner.onQueued(this, bytes);
  }

  #onWritten(bytes: number): () => void {
    return () => {
      if (!this.closed) {
        this.queuedBytes -= bytes;
        this.#owner.onQueued(this, -bytes);
        if (this.queuedBytes === 0) {
          this.onDrained?.();
        }
      }
    };
  }

  #close(code: number): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    this.resetCode = code;
    const { queuedBytes, listener } = this;
    this.queuedBytes = 0;
    this.#owner.onQueued(this, -queuedBytes);
    this.holdBytes(0);
    this.#owner.forget(this);
    this.listener = undefined;
    listener?.onClose();
  }
}

function isServerStream(native: NodeHttp2Stream): native is ServerHttp2Stream {
  return "respond" in native;
}

/** Node replenishes its own window while it reads, so a stream holds at most this and one window. In bytes. */
const unprocessedBytesMax = 65_536;

const nothing = Buffer.alloc(0);
