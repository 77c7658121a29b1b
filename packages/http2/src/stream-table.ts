import { ClosedStreams } from "./closed-streams.ts";
import { ConnectionError, errorCode, windowBytesDefault, windowBytesMax } from "./frames/constants.ts";
import type { FrameWriter } from "./frames/frame-writer.ts";
import { answerLength, answerStatus, areTrailers } from "./header-fields.ts";
import { type HeaderBlock, HeaderDecoder } from "./hpack/header-decoder.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";

export interface StreamTableOptions {
  readonly role: "client" | "server";
  readonly writer: FrameWriter;
  /** How many streams the other side may have open at once. */
  readonly streamsMax: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly headerBytesMax: number;
  /** The other side began a stream. */
  onStream(stream: Http2Stream, block: HeaderBlock): void;
  /** A frame came that moves nothing on. Throws where there are too many. */
  onIdleFrame(): void;
  /** The last open stream has ended. */
  onEmpty(): void;
}

/** The streams of one connection, either side of it, and what flow control lets go out and come in (RFC 9113, section 5). */
export class StreamTable implements StreamOwner {
  readonly writer: FrameWriter;
  sendWindow: number = windowBytesDefault;
  /** The highest stream of the other side that was looked at. */
  lastPeerId = 0;
  /** The highest stream of the other side that will be looked at. */
  acceptedMax: number = windowBytesMax;
  readonly #options: StreamTableOptions;
  readonly #server: boolean;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #headers: HeaderDecoder;
  readonly #waiting = new Set<Http2Stream>();
  readonly #closed = new ClosedStreams();
  readonly #receiveWindow: ReceiveWindow;
  #nextId = 1;
  #peerWindowBytes = windowBytesDefault;
  /** The stream whose data is coming in, and whether it ends with that. */
  #dataStream: Http2Stream | undefined;
  #dataEnds = false;

  constructor(options: StreamTableOptions) {
    this.#options = options;
    this.writer = options.writer;
    this.#server = options.role === "server";
    this.#headers = new HeaderDecoder(options.headerBytesMax);
    this.#receiveWindow = new ReceiveWindow(options.writer, options.connectionWindowBytes);
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Whether there is a number left for a stream of ours (section 5.1.1). */
  get exhausted(): boolean {
    return this.#nextId > windowBytesMax;
  }

  /** A stream that this side begins. */
  open(): Http2Stream {
    const stream = this.#add(this.#nextId);
    this.#nextId += 2;
    return stream;
  }

  /** Ends all streams above a number. */
  close(code: number, above = 0): void {
    for (const stream of [...this.#streams.values()]) {
      if (stream.id > above) {
        stream.close(code);
      }
    }
  }

  waitForWindow(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  forget(stream: Http2Stream): void {
    this.#streams.delete(stream.id);
    if (stream.resetSent && this.#server) {
      this.#closed.wasReset(stream.id);
    }
    if (this.#waiting.size > 0) {
      this.#waiting.delete(stream);
    }
    if (this.#streams.size === 0) {
      this.#options.onEmpty();
    }
  }

  /** More may be sent than before: whoever waited goes on. */
  pump(): void {
    if (this.#waiting.size > 0) {
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const stream of waiting) {
        stream.pump();
      }
    }
  }

  onData(id: number, sizes: { readonly frame: number; readonly data: number }, ends: boolean): void {
    this.checkId(id);
    this.#receiveWindow.count(sizes.frame);
    if (sizes.frame === 0) {
      this.#options.onIdleFrame();
    }
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    this.#dataEnds = ends;
    if (stream === undefined) {
      this.#onEndedStream(id);
      return;
    }
    stream.receiveWindow -= sizes.frame;
    if (stream.remoteEnded) {
      stream.reset(errorCode.streamClosed);
    } else if (stream.receiveWindow < 0) {
      stream.reset(errorCode.flowControl);
    } else if (sizes.frame > sizes.data) {
      stream.taken(sizes.frame - sizes.data);
    }
    if (sizes.data === 0 && ends) {
      stream.endRemote();
    }
  }

  onDataPiece(piece: Buffer, last: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed) {
      return;
    }
    if (!stream.receive(piece)) {
      return;
    }
    if (last) {
      this.#dataStream = undefined;
      if (this.#dataEnds) {
        stream.endRemote();
      }
    }
  }

  onBlock(id: number, bytes: Buffer, ends: boolean): void {
    this.checkId(id);
    // Also where nobody wants it: what comes later refers to it.
    const block = this.#headers.read(bytes);
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      this.#onMoreHeaders(stream, block, ends);
    } else if (this.#server && id > this.lastPeerId) {
      this.#onNewStream(id, block, ends);
    } else {
      this.#onLateHeaders(id);
    }
  }

  onReset(id: number, code: number): void {
    this.#checkNotIdle(id);
    this.#streams.get(id)?.close(code);
  }

  onWindowUpdate(id: number, bytes: number): void {
    if (id === 0) {
      this.sendWindow += bytes;
      checkWindow(bytes, this.sendWindow);
      this.pump();
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#checkNotIdle(id);
      this.#options.onIdleFrame();
      return;
    }
    stream.sendWindow += bytes;
    if (bytes === 0 || stream.sendWindow > windowBytesMax) {
      stream.reset(bytes === 0 ? errorCode.protocol : errorCode.flowControl);
    } else {
      stream.pump();
    }
  }

  /** What the other side takes on a stream has changed, also on those that are open (section 6.9.2). */
  setPeerWindow(bytes: number): void {
    for (const stream of this.#streams.values()) {
      stream.sendWindow += bytes - this.#peerWindowBytes;
      checkWindow(1, stream.sendWindow);
    }
    this.#peerWindowBytes = bytes;
  }

  /** Throws where a stream of that number cannot be. */
  checkId(id: number): void {
    if (id === 0 || (this.#server && id % 2 === 0)) {
      throw new ConnectionError("there is no stream of that number");
    }
  }

  #checkNotIdle(id: number): void {
    if (id % 2 === 0 || (this.#server ? id > this.lastPeerId : id >= this.#nextId)) {
      throw new ConnectionError("the stream has not begun");
    }
  }

  #add(id: number): Http2Stream {
    const stream = new Http2Stream(this, id, { send: this.#peerWindowBytes, receive: this.#options.streamWindowBytes });
    this.#streams.set(id, stream);
    return stream;
  }

  /** Something came for a stream that has ended, most of the time because it was on its way when we ended it. */
  #onEndedStream(id: number): void {
    this.#checkNotIdle(id);
    this.#options.onIdleFrame();
    if (this.#server && !this.#closed.hasReset(id)) {
      this.writer.reset(id, errorCode.streamClosed);
    }
  }

  /** HEADERS on a stream that is not open. Where we reset it, they were on their way; otherwise the peer is wrong about its own streams. */
  #onLateHeaders(id: number): void {
    this.#checkNotIdle(id);
    this.#options.onIdleFrame();
    if (this.#server) {
      this.#closed.checkHeaders(id);
    }
  }

  #onNewStream(id: number, block: HeaderBlock, ends: boolean): void {
    this.#closed.began(id, this.lastPeerId);
    this.lastPeerId = id;
    if (id > this.acceptedMax || this.#streams.size >= this.#options.streamsMax) {
      this.#options.onIdleFrame();
      this.#closed.wasReset(id);
      this.writer.reset(id, errorCode.refusedStream);
      return;
    }
    const stream = this.#add(id);
    this.#options.onStream(stream, block);
    if (ends) {
      stream.endRemote();
    }
  }

  /** An answer, or trailers. */
  #onMoreHeaders(stream: Http2Stream, block: HeaderBlock, ends: boolean): void {
    const { fields } = block;
    if (stream.remoteEnded) {
      stream.reset(errorCode.streamClosed);
    } else if (block.tooLarge) {
      stream.reset(errorCode.enhanceYourCalm);
    } else if (block.malformed) {
      stream.reset(errorCode.protocol);
    } else if (this.#server || stream.answered) {
      if (!ends || !areTrailers(fields)) {
        stream.reset(errorCode.protocol);
        return;
      }
      stream.listener?.onTrailers(fields);
      stream.endRemote();
    } else {
      this.#onAnswer(stream, fields, ends);
    }
  }

  #onAnswer(stream: Http2Stream, fields: readonly string[], ends: boolean): void {
    const status = answerStatus(fields);
    if (status !== undefined && status < 200 && !ends) {
      // An interim answer: the real one is still to come (RFC 9110, section 15.2).
      this.#options.onIdleFrame();
      return;
    }
    // Answers to HEAD, and these two, have the length of a body that does not come (RFC 9110, section 8.6).
    const length = ends || status === 204 || status === 304 ? -1 : answerLength(fields);
    if (status === undefined || status < 200 || length === undefined) {
      stream.reset(errorCode.protocol);
      return;
    }
    stream.expectedBytes = length;
    stream.answered = true;
    stream.listener?.onHeaders(fields);
    if (ends) {
      stream.endRemote();
    }
  }
}

function checkWindow(bytes: number, window: number): void {
  if (bytes === 0 || window > windowBytesMax) {
    throw new ConnectionError("a window cannot be so large", bytes === 0 ? errorCode.protocol : errorCode.flowControl);
  }
}
