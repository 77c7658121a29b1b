import { ConnectionError, errorCode, windowBytesDefault, windowBytesMax } from "../frames/constants.ts";
import { checkWindow } from "../frames/frame-checks.ts";
import type { FrameWriter } from "../frames/frame-writer.ts";
import { type HeaderBlock, HeaderDecoder } from "../hpack/header-decoder.ts";
import type { PeerWork } from "../peer-work.ts";
import { ClosedStreams } from "./closed-streams.ts";
import { onLaterHeaders } from "./later-headers.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import { StreamReceiveWindow } from "./stream-receive-window.ts";
import { WaitingStreams } from "./waiting-streams.ts";

export interface StreamTableOptions {
  readonly role: "client" | "server";
  readonly writer: FrameWriter;
  /** The streams that the peer may have open at once. */
  readonly streamsMax: number;
  readonly streamWindowBytes: number;
  readonly firstWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly headerBytesMax: number;
  /** The peer opened a stream. */
  onStream(stream: Http2Stream, block: HeaderBlock): void;
  readonly work: PeerWork;
  /** This many received bytes of the stream are held until more arrive. */
  onHeld(stream: Http2Stream, bytes: number): void;
  /** The unsent bytes of the stream, and of all streams together, changed. May reset the stream. */
  onQueued(stream: Http2Stream, queuedBytes: number): void;
  /** The last open stream has ended. */
  onEmpty(): void;
}

/** The streams of one connection, client or server, and their flow control (RFC 9113, section 5). */
export class StreamTable implements StreamOwner {
  readonly writer: FrameWriter;
  readonly work: PeerWork;
  /** Unsent bytes of all streams together. */
  queuedBytes = 0;
  sendWindow: number = windowBytesDefault;
  /** The highest stream id of the peer that was processed. */
  lastPeerId = 0;
  /** The highest stream id of the peer that will be processed. */
  acceptedMax: number = windowBytesMax;
  readonly #options: StreamTableOptions;
  readonly #server: boolean;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #headers: HeaderDecoder;
  readonly #waiting = new WaitingStreams();
  readonly #closed = new ClosedStreams();
  readonly #receiveWindow: ReceiveWindow;
  #nextId = 1;
  #peerWindowBytes = windowBytesDefault;
  /** The stream of the current DATA frame, and whether the frame ends it. */
  #dataStream: Http2Stream | undefined;
  #dataEnds = false;

  constructor(options: StreamTableOptions) {
    this.#options = options;
    this.writer = options.writer;
    this.work = options.work;
    this.#server = options.role === "server";
    this.#headers = new HeaderDecoder(options.headerBytesMax);
    this.#receiveWindow = new ReceiveWindow(options.writer, options.connectionWindowBytes);
  }

  get size(): number {
    return this.#streams.size;
  }

  get open(): readonly Http2Stream[] {
    return [...this.#streams.values()];
  }

  /** Whether there is a stream id left for this side (section 5.1.1). */
  get exhausted(): boolean {
    return this.#nextId > windowBytesMax;
  }

  /** Opens a stream of this side. */
  begin(): Http2Stream {
    const stream = this.#add(this.#nextId);
    this.#nextId += 2;
    return stream;
  }

  /** Ends all streams above an id. */
  close(code: number, above = 0): void {
    for (const stream of this.open) {
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
    if (stream.localEnded && stream.headersSent) {
      this.work.answered();
    }
    this.#waiting.delete(stream);
    if (this.#streams.size === 0) {
      this.#options.onEmpty();
    }
  }

  onQueued(stream: Http2Stream, bytes: number): void {
    this.queuedBytes += bytes;
    this.#options.onQueued(stream, this.queuedBytes);
  }

  onHeld(stream: Http2Stream, bytes: number): void {
    this.#options.onHeld(stream, bytes);
  }

  /** The connection allows more data: waiting streams continue. */
  pump(): void {
    this.#waiting.serve(this);
  }

  onData(id: number, sizes: { readonly frame: number; readonly data: number }, ends: boolean): void {
    this.checkId(id);
    this.#receiveWindow.count(sizes.frame);
    if (sizes.data > 0) {
      this.work.received();
    } else if (!ends) {
      this.work.overhead();
    }
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    this.#dataEnds = ends;
    if (stream === undefined) {
      this.#onEndedStream(id);
      return;
    }
    stream.receiveWindow.left -= sizes.frame;
    if (stream.remoteEnded) {
      stream.refuse(errorCode.streamClosed);
    } else if (stream.receiveWindow.left < 0) {
      stream.refuse(errorCode.flowControl);
    } else if (sizes.frame > sizes.data) {
      stream.taken(sizes.frame - sizes.data);
    }
    if (sizes.data === 0 && ends) {
      stream.endRemote();
    }
  }

  onDataPiece(piece: Buffer, last: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.closed || !stream.receive(piece)) {
      return;
    }
    if (last) {
      this.#dataStream = undefined;
    }
    if (last && this.#dataEnds) {
      stream.endRemote();
    } else if (stream.collects) {
      stream.holdBytes(stream.receivedBytes);
    }
  }

  onBlock(id: number, bytes: Buffer, ends: boolean): void {
    this.checkId(id);
    // Decoded even if no stream needs it: later blocks refer to it.
    const block = this.#headers.read(bytes);
    if (block.units > 0) {
      this.work.overhead(block.units);
    }
    const stream = this.#streams.get(id);
    if (stream !== undefined) {
      onLaterHeaders(stream, block, { ends, server: this.#server, work: this.work });
    } else if (this.#server && id > this.lastPeerId) {
      this.#onNewStream(id, block, ends);
    } else {
      this.#onLateHeaders(id);
    }
  }

  onReset(id: number, code: number): void {
    this.#checkNotIdle(id);
    const stream = this.#streams.get(id);
    if (stream === undefined && !this.#closed.hasReset(id)) {
      this.work.resetLate();
    } else if (stream === undefined || stream.localEnded) {
      // It crossed with ours, or ends an early answered call.
      this.work.overhead();
    } else {
      this.work.reset();
    }
    stream?.close(code);
  }

  onWindowUpdate(id: number, bytes: number): void {
    this.work.overhead();
    if (id === 0) {
      this.sendWindow += bytes;
      checkWindow(bytes, this.sendWindow);
      this.pump();
      return;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      this.#checkNotIdle(id);
      return;
    }
    stream.sendWindow += bytes;
    if (bytes === 0 || stream.sendWindow > windowBytesMax) {
      stream.refuse(bytes === 0 ? errorCode.protocol : errorCode.flowControl);
    } else {
      stream.pump();
    }
  }

  /** The peer's initial window changed, also for open streams (section 6.9.2). */
  setPeerWindow(bytes: number): void {
    const more = bytes - this.#peerWindowBytes;
    if (more === 0) {
      return;
    }
    this.work.overhead(Math.floor(this.#streams.size / streamsPerUnit));
    this.#peerWindowBytes = bytes;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += more;
      checkWindow(1, stream.sendWindow);
      if (more > 0 && stream.queuedBytes > 0) {
        this.#waiting.add(stream);
      }
    }
  }

  /** Throws if a stream with this id cannot exist. */
  checkId(id: number): void {
    if (id === 0 || (this.#server && id % 2 === 0)) {
      throw new ConnectionError("a frame has an invalid stream id");
    }
  }

  #checkNotIdle(id: number): void {
    if (id % 2 === 0 || (this.#server ? id > this.lastPeerId : id >= this.#nextId)) {
      throw new ConnectionError("a frame is on an idle stream");
    }
  }

  #add(id: number): Http2Stream {
    const { firstWindowBytes: first, streamWindowBytes: later } = this.#options;
    const receive = new StreamReceiveWindow({ first, later });
    const stream = new Http2Stream(this, id, { send: this.#peerWindowBytes, receive });
    this.#streams.set(id, stream);
    return stream;
  }

  /** A frame for a closed stream, usually on its way when we closed it. */
  #onEndedStream(id: number): void {
    this.#checkNotIdle(id);
    this.work.overhead();
    if (this.#server && !this.#closed.hasReset(id)) {
      this.writer.reset(id, errorCode.streamClosed);
      this.work.reset();
    }
  }

  /** HEADERS on a closed or idle stream. If we reset it, they were on their way; otherwise it is the peer's error. */
  #onLateHeaders(id: number): void {
    this.#checkNotIdle(id);
    this.work.overhead();
    if (this.#server) {
      this.#closed.checkHeaders(id);
    }
  }

  #onNewStream(id: number, block: HeaderBlock, ends: boolean): void {
    this.#closed.began(id, this.lastPeerId);
    this.lastPeerId = id;
    if (id > this.acceptedMax || this.#streams.size >= this.#options.streamsMax) {
      // Refused. A client may not have read our SETTINGS yet.
      this.work.overhead(refusedUnits);
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
}

/** Changing a window costs about a tenth of a frame. */
const streamsPerUnit = 10;
/** Its headers are read, and RST_STREAM is written. */
const refusedUnits = 4;
