import { Duplex } from "node:stream";
import type { AnyHttp2Stream } from "../any-connection.ts";
import { errorCode } from "../frames/constants.ts";
import { fieldsToObject, objectToFields } from "../header-fields.ts";
import { encodeFields } from "../hpack/header-encoder.ts";
import type { StreamListener } from "./stream-listener.ts";

type Fields = Readonly<Record<string, unknown>>;

interface RespondOptions {
  readonly endStream?: boolean;
  readonly waitForTrailers?: boolean;
  readonly sendDate?: boolean;
}

/**
 * A stream with the interface of Node's `Http2Stream`: for Node's requests and responses over HTTP/2 on a server, and Connect's stock
 * transports on a client. Rare features use it.
 */
export class NodeStream extends Duplex implements StreamListener {
  /** Node's compatibility layer uses a stream without a session as the socket, too. */
  readonly session = undefined;
  /** The connection's own. */
  readonly socket: Duplex & {
    readonly remoteAddress?: string;
    readonly remotePort?: number;
    readonly encrypted?: boolean;
  };
  readonly id: number;
  /** Whether it is a HEAD request, whose response has no body. */
  headRequest = false;
  aborted = false;
  readonly #stream: AnyHttp2Stream;
  #waitForTrailers = false;
  /**
   * The headers of a response without a body. They wait for its end, which follows at once, so that both are one frame: gRPC clients recognise an
   * error before the first message only in that form ("Trailers-Only").
   */
  #heldBlock: Buffer | undefined;
  #unprocessed = 0;
  #hasData = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(stream: AnyHttp2Stream, socket: Duplex) {
    super({ allowHalfOpen: true, autoDestroy: false, emitClose: true });
    this.#stream = stream;
    this.socket = socket;
    this.id = stream.id;
    stream.listener = this;
  }

  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort;
  }

  get encrypted(): boolean {
    return this.socket.encrypted === true;
  }

  /** Whether the peer sent data, or still may: known once its HEADERS frame was handled. */
  get hasBody(): boolean {
    return this.#hasData || !this.#stream.remoteEnded;
  }

  get rstCode(): number {
    return this.#stream.resetCode;
  }

  /** Readers of streams check `closed`, which Node's streams have as well. */
  get headersSent(): boolean {
    return this.#stream.headersSent || this.#heldBlock !== undefined;
  }

  respond(headers: Fields, { endStream = false, waitForTrailers = false, sendDate = true }: RespondOptions = {}): void {
    const status = Number(headers[":status"] ?? 200);
    const fields = objectToFields({ ":status": status, ...headers });
    if (sendDate && headers.date === undefined) {
      fields.push("date", new Date().toUTCString());
    }
    const alone = endStream || this.headRequest || status === 204 || status === 205 || status === 304;
    this.#waitForTrailers = waitForTrailers && !alone;
    const block = encodeFields(fields);
    if (!alone && Number(headers["content-length"] ?? Number.NaN) === 0) {
      this.#heldBlock = block;
      setImmediate(() => this.#sendHeld(false));
      return;
    }
    this.#stream.sendHeaders(block, alone);
    if (alone) {
      this.end();
    }
  }

  /** Sends delayed headers. */
  #sendHeld(end: boolean): void {
    const block = this.#heldBlock;
    this.#heldBlock = undefined;
    if (block !== undefined) {
      this.#stream.sendHeaders(block, end);
    }
  }

  /** An interim response (RFC 9110, section 15.2). */
  additionalHeaders(headers: Fields): void {
    this.#stream.sendHeaders(encodeFields(objectToFields(headers)));
    this.#stream.headersSent = false;
  }

  sendTrailers(headers: Fields): void {
    this.#waitForTrailers = false;
    const fields = objectToFields(headers);
    this.#sendHeld(fields.length === 0);
    this.#stream.end(undefined, fields.length === 0 ? undefined : encodeFields(fields));
  }

  /** Resets the stream. The callback is called once it is closed. */
  close(code: number = errorCode.none, callback?: () => void): void {
    if (callback !== undefined) {
      this.once("close", callback);
    }
    this.#stream.reset(code);
  }

  setTimeout(delayMs: number, callback?: () => void): this {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (callback !== undefined) {
      this.once("timeout", callback);
    }
    if (delayMs > 0) {
      this.#idle = setTimeout(() => {
        this.#idle?.refresh();
        this.emit("timeout");
      }, delayMs).unref();
    }
    return this;
  }

  onHeaders(fields: readonly string[]): void {
    this.#idle?.refresh();
    this.emit("response", fieldsToObject(fields), 0);
  }

  onData(bytes: Buffer): void {
    this.#hasData = true;
    this.#idle?.refresh();
    if (this.push(bytes)) {
      this.#stream.taken(bytes.length);
    } else {
      this.#unprocessed += bytes.length;
    }
  }

  onTrailers(fields: readonly string[]): void {
    this.emit("trailers", fieldsToObject(fields), 0, fields);
  }

  onEnd(): void {
    this.push(null);
  }

  onClose(): void {
    clearTimeout(this.#idle);
    const { resetCode, remoteEnded } = this.#stream;
    if (!remoteEnded) {
      this.aborted = true;
      this.emit("aborted");
      this.push(null);
    }
    this.#stream.onDrained?.();
    if (resetCode === errorCode.none) {
      this.#destroyWhenDone();
    } else {
      this.destroy(errorOf(resetCode));
    }
  }

  /** Buffered data is read first, and a pending end of writing is reported. */
  #destroyWhenDone(): void {
    if (!this.readableEnded && this.readableLength > 0) {
      this.once("end", () => this.#destroyWhenDone());
    } else if (this.writableEnded && !this.writableFinished) {
      this.once("finish", () => this.#destroyWhenDone());
    } else if (!this.readableEnded) {
      this.once("end", () => this.destroy()).resume();
    } else {
      this.destroy();
    }
  }

  override _read(): void {
    if (this.#unprocessed > 0) {
      const bytes = this.#unprocessed;
      this.#unprocessed = 0;
      this.#stream.taken(bytes);
    }
  }

  override _write(chunk: Uint8Array, _encoding: unknown, done: (error?: Error | null) => void): void {
    this.#idle?.refresh();
    const stream = this.#stream;
    if (stream.closed) {
      done();
      return;
    }
    this.#sendHeld(false);
    stream.sendData(chunk);
    if (stream.queuedBytes === 0) {
      done();
      return;
    }
    stream.onDrained = () => {
      stream.onDrained = undefined;
      this.#idle?.refresh();
      done();
    };
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#waitForTrailers && !this.#stream.closed) {
      this.emit("wantTrailers");
    }
    this.#sendHeld(true);
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#idle);
    const stream = this.#stream;
    if (!stream.closed) {
      stream.reset(error !== null ? errorCode.internal : stream.localEnded ? errorCode.none : errorCode.cancel);
    }
    stream.onDrained?.();
    done(error);
  }
}

/** Node reports no error for a cancelled stream. */
function errorOf(code: number): Error | undefined {
  return code === errorCode.none || code === errorCode.cancel
    ? undefined
    : Object.assign(new Error(`the stream was reset with code ${code}`), { code: "ERR_HTTP2_STREAM_ERROR" });
}
