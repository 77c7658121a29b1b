import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { AnyHttp2Connection } from "./any-connection.ts";
import type { ConnectionListener, ConnectionOptions } from "./connection-options.ts";
import { endSocket } from "./end-socket.ts";
import {
  ConnectionError,
  errorCode,
  flag,
  frameType,
  preface,
  setting,
  settingBytes,
  windowBytesDefault,
  windowBytesMax,
} from "./frames/constants.ts";
import { checkPriority, checkSize, checkWhole } from "./frames/frame-checks.ts";
import { FrameReader, type FrameSink } from "./frames/frame-reader.ts";
import { FrameWriter } from "./frames/frame-writer.ts";
import { PacedReads } from "./paced-reads.ts";
import { readPeerSettings } from "./peer-settings.ts";
import { overheadDefault, type PeerLimit, PeerWork, unlimited } from "./peer-work.ts";
import { PendingPings, pingBytes } from "./pending-pings.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { StreamTable } from "./streams/stream-table.ts";

/**
 * One HTTP/2 connection (RFC 9113), either side of it. It reads frames straight from the socket's bytes, and writes those of a whole turn of
 * the event loop at once. Why it is not Node's: docs/decisions/http2-connections.md.
 */
export class Http2Connection implements AnyHttp2Connection, FrameSink {
  readonly socket: Duplex;
  /** How many streams the other side lets us have open at once. */
  peerStreamsMax: number = Number.POSITIVE_INFINITY;
  /** No new streams begin: either side said so, or it is over. */
  closing = false;
  /** It is over. */
  destroyed = false;
  readonly #client: boolean;
  readonly #listener: ConnectionListener;
  readonly #writer: FrameWriter;
  readonly #streams: StreamTable;
  readonly #peerWork: PeerWork;
  readonly #pings = new PendingPings();
  readonly #reads: PacedReads;

  constructor(socket: Duplex, options: ConnectionOptions) {
    const {
      role,
      listener,
      streamsMax = 0,
      resets = unlimited,
      overhead = overheadDefault,
      turns,
      ...limits
    } = options;
    this.socket = socket;
    this.#client = role === "client";
    const { firstWindowBytes = limits.streamWindowBytes } = limits;
    this.#listener = listener;
    this.#peerWork = new PeerWork({ resets, overhead });
    this.#writer = new FrameWriter(socket, () => this.#streams.pump());
    this.#streams = new StreamTable({
      ...limits,
      role,
      streamsMax,
      writer: this.#writer,
      onStream: (stream, block) => listener.onStream?.(stream, block),
      work: this.#peerWork,
      firstWindowBytes,
      onHeld: (stream, bytes) => listener.onHeld?.(stream, bytes),
      onQueued: (stream) => listener.onUnsent?.(this.unsentBytes, stream),
      onEmpty: () => this.#endIfDone(),
    });
    if (this.#client) {
      this.#writer.raw(preface);
    }
    this.#writer.settings([
      [setting.initialWindowSize, firstWindowBytes],
      [setting.maxHeaderListSize, limits.headerBytesMax],
      this.#client ? [setting.enablePush, 0] : [setting.maxConcurrentStreams, streamsMax],
    ]);
    this.#writer.windowUpdate(0, limits.connectionWindowBytes - windowBytesDefault);
    this.#reads = new PacedReads(
      this,
      new FrameReader(this, { expectPreface: !this.#client, headerBytesMax: limits.headerBytesMax }),
      turns,
    );
    socket.on("drain", () => {
      this.#streams.pump();
      listener.onUnsent?.(this.unsentBytes);
    });
    // "close" follows, and tells the streams.
    socket.on("error", () => {});
    socket.on("end", () => this.#end(errorCode.cancel));
    socket.on("close", () => this.#end(errorCode.cancel));
  }

  /** Streams that are open. */
  get openCount(): number {
    return this.#streams.size;
  }

  /** The bytes that wait to be sent, for flow control or for the socket. */
  get unsentBytes(): number {
    return this.#streams.queuedBytes + this.#writer.pendingBytes + this.socket.writableLength;
  }

  /** How long what is read at this moment may have waited, in milliseconds. 0 where no `turns` are given. */
  get behindMs(): number {
    return this.#reads.behindMs;
  }

  /** Tells the other side how many streams it may have open at once from now on (section 5.1.2). Those that are open go on. */
  allowStreams(streamsMax: number): void {
    if (!this.destroyed) {
      this.#writer.settings([[setting.maxConcurrentStreams, streamsMax]]);
    }
  }

  trustPeer(): void {
    this.#peerWork.trusted = true;
  }

  resetQueued(code: number): void {
    this.#streams.resetQueued(code);
  }

  /** Begins a stream with a block of headers, see `encodeFields`. On a client alone, and not once it is {@link closing}. */
  open(block: Uint8Array): Http2Stream {
    const stream = this.#streams.open();
    stream.sendHeaders(block);
    if (this.#streams.exhausted) {
      this.close();
    }
    return stream;
  }

  /** Asks the other side for a sign of life. Called back when it came, or when the connection is over. */
  ping(answered: () => void): void {
    this.#writer.ping(this.#pings.add(answered), false);
  }

  /** GOAWAY that names the highest stream there can be: "no more, please", while what is on its way is let in (section 6.8). */
  announceClose(): void {
    if (!this.closing) {
      this.#writer.goaway(windowBytesMax, errorCode.none);
    }
  }

  /** Begins no streams and takes none in; ends once those that are open have ended. */
  close(): void {
    if (this.destroyed || this.#streams.acceptedMax !== windowBytesMax) return;
    this.closing = true;
    this.#streams.acceptedMax = this.#streams.lastPeerId;
    this.#writer.goaway(this.#streams.lastPeerId, errorCode.none);
    this.#endIfDone();
  }

  /** Ends it at once, and tells the other side why if there is a reason. */
  destroy(code: number = errorCode.none, why = ""): void {
    if (!this.destroyed) {
      if (code !== errorCode.none) {
        this.#writer.goaway(this.#streams.lastPeerId, code, why);
      }
      this.#end(code === errorCode.none ? errorCode.cancel : code);
    }
  }

  onIdle(timeoutMs: number, callback: (blocked: boolean) => void): void {
    const socket = this.socket as Duplex & Partial<Pick<Socket, "setTimeout">>;
    socket.setTimeout?.(timeoutMs);
    socket.on("timeout", () => callback(socket.writableLength > 0));
  }

  onData(id: number, sizes: { readonly frame: number; readonly data: number }, ends: boolean): void {
    this.#streams.onData(id, sizes, ends);
  }

  onDataPiece(piece: Buffer, last: boolean): void {
    this.#streams.onDataPiece(piece, last);
  }

  onBlock(id: number, block: Buffer, ends: boolean): void {
    this.#streams.onBlock(id, block, ends);
  }

  onControl(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case frameType.reset:
        this.#streams.checkId(id);
        checkSize(payload, 4);
        this.#streams.onReset(id, payload.readUInt32BE(0));
        return;
      case frameType.windowUpdate:
        checkSize(payload, 4);
        this.#streams.onWindowUpdate(id, payload.readUInt32BE(0) & windowBytesMax);
        return;
      case frameType.pushPromise:
        throw new ConnectionError("push was not allowed");
    }
    this.#peerWork.overhead();
    switch (type) {
      case frameType.priority:
        this.#streams.checkId(id);
        checkPriority(id, payload);
        return;
      case frameType.settings:
        checkWhole(id);
        this.#onSettings(payload, (flags & flag.ack) !== 0);
        return;
      case frameType.ping:
        checkWhole(id);
        checkSize(payload, pingBytes);
        if ((flags & flag.ack) === 0) {
          this.#writer.ping(payload, true);
        } else {
          this.#pings.answer(payload);
        }
        return;
      case frameType.goaway:
        checkWhole(id);
        checkSize(payload, 8, payload.length >= 8);
        this.#onGoaway(payload.readUInt32BE(0) & windowBytesMax, payload.readUInt32BE(4));
        return;
      default:
      // Unknown frames are passed over (section 4.1).
    }
  }

  onLimit(limit: PeerLimit): void {
    this.#listener.onLimit?.(limit);
  }

  onUnsent(): void {
    this.#listener.onUnsent?.(this.unsentBytes);
  }

  /** Whether this connection's slice of the turn is over, and others have theirs. */
  get yields(): boolean {
    return this.#reads.yields;
  }

  #onSettings(payload: Buffer, ack: boolean): void {
    checkSize(payload, 0, payload.length % settingBytes === 0 && (!ack || payload.length === 0));
    if (ack) {
      return;
    }
    const { count, headerTableSize, maxConcurrentStreams, initialWindowSize } = readPeerSettings(payload, {
      client: this.#client,
    });
    this.#peerWork.settings(count);
    if (headerTableSize !== undefined) {
      this.#writer.setTableSize(headerTableSize);
    }
    this.peerStreamsMax = maxConcurrentStreams ?? this.peerStreamsMax;
    if (initialWindowSize !== undefined) {
      this.#streams.setPeerWindow(initialWindowSize);
    }
    this.#writer.settingsAck();
    this.#listener.onSettings?.();
    this.#streams.pump();
  }

  /** A client's farewell is about streams that a server begins, and there are none: its calls may still be on their way (section 6.8). */
  #onGoaway(lastStreamId: number, code: number): void {
    if (!this.#client) {
      return;
    }
    this.closing = true;
    this.#listener.onGoaway?.(lastStreamId);
    this.#streams.close(errorCode.refusedStream, lastStreamId);
    if (code === errorCode.none) {
      this.#endIfDone();
    } else {
      // It ends the connection for what it takes for an error, and answers nothing more.
      this.destroy();
    }
  }

  #endIfDone(): void {
    if (this.closing && this.#streams.size === 0) {
      this.#end(errorCode.none);
    }
  }

  #end(code: number): void {
    if (this.destroyed) {
      return;
    }
    this.destroyed = true;
    this.closing = true;
    this.#streams.close(code);
    this.#pings.close();
    // Whatever is on its way out still leaves, a farewell that says why above all.
    this.#writer.flush();
    endSocket(this.socket, { atOnce: code !== errorCode.none });
    this.#listener.onClose?.();
  }
}
