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
import { readPeerSettings } from "./peer-settings.ts";
import { overheadDefault, type PeerLimit, PeerWork, unlimited } from "./peer-work.ts";
import { PendingPings, pingBytes } from "./pending-pings.ts";
import { PacedReads } from "./reads/paced-reads.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { StreamTable } from "./streams/stream-table.ts";

/**
 * One HTTP/2 connection (RFC 9113), client or server. It parses frames from the socket's reads, and coalesces the frames of an
 * event-loop tick into one write. Why it is not Node's: docs/decisions/http2-connections.md.
 */
export class Http2Connection implements AnyHttp2Connection, FrameSink {
  readonly socket: Duplex;
  /** The streams that the peer allows at once. */
  peerStreamsMax: number = Number.POSITIVE_INFINITY;
  /** No new streams start: either side sent GOAWAY, or the connection has ended. */
  closing = false;
  /** It has ended. */
  destroyed = false;
  readonly isClient: boolean;
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
      turnGroup,
      ...limits
    } = options;
    this.socket = socket;
    this.isClient = role === "client";
    const { firstWindowBytes = limits.streamWindowBytes } = limits;
    this.#listener = listener;
    this.#peerWork = new PeerWork({ resets, overhead });
    this.#writer = new FrameWriter(socket, () => this.#streams.pump());
    this.#streams = new StreamTable({
      ...limits,
      role,
      streamsMax,
      writer: this.#writer,
      onStream: (stream, block) => {
        this.#reads.countCall();
        listener.onStream?.(stream, block);
      },
      work: this.#peerWork,
      firstWindowBytes,
      onHeld: (stream, bytes) => listener.onHeld?.(stream, bytes),
      onQueued: (stream) => listener.onUnsent?.(this.unsentBytes, stream),
      onEmpty: () => this.#endIfDone(),
    });
    if (this.isClient) {
      this.#writer.raw(preface);
    }
    this.#writer.settings([
      [setting.initialWindowSize, firstWindowBytes],
      [setting.maxHeaderListSize, limits.headerBytesMax],
      this.isClient ? [setting.enablePush, 0] : [setting.maxConcurrentStreams, streamsMax],
    ]);
    this.#writer.windowUpdate(0, limits.connectionWindowBytes - windowBytesDefault);
    this.#reads = new PacedReads(
      this,
      new FrameReader(this, { expectPreface: !this.isClient, headerBytesMax: limits.headerBytesMax }),
      { turns, group: turnGroup },
    );
    socket.on("drain", () => {
      this.#streams.pump();
      listener.onUnsent?.(this.unsentBytes);
    });
    socket.on("error", () => {});
    socket.on("end", () => this.#end(errorCode.cancel));
    socket.on("close", () => this.#end(errorCode.cancel));
  }

  get openCount(): number {
    return this.#streams.size;
  }

  get unsentBytes(): number {
    return this.#streams.queuedBytes + this.#writer.pendingBytes + this.socket.writableLength;
  }

  get behindMs(): number {
    return this.#reads.behindMs;
  }

  restReads(restMs: number): void {
    this.#reads.rest(restMs);
  }

  /** Changes the number of streams that the peer may have open at once (section 5.1.2). Open streams stay. */
  allowStreams(streamsMax: number): void {
    if (!this.destroyed) {
      this.#writer.settings([[setting.maxConcurrentStreams, streamsMax]]);
    }
  }

  trustPeer(): void {
    this.#peerWork.trusted = true;
    this.#reads.group = this;
  }

  resetQueued(code: number): void {
    for (const stream of this.#streams.open.filter(({ queuedBytes }) => queuedBytes > 0)) {
      stream.reset(code);
    }
  }

  /** Opens a stream with a header block, see `encodeFields`. On a client only, and not once it is {@link closing}. */
  open(block: Uint8Array): Http2Stream {
    const stream = this.#streams.begin();
    stream.sendHeaders(block);
    if (this.#streams.exhausted) {
      this.close();
    }
    return stream;
  }

  /** Sends PING. Calls back when it is acknowledged, or when the connection has ended. */
  ping(answered: () => void): void {
    this.#writer.ping(this.#pings.add(answered), false);
  }

  /** Sends GOAWAY with the highest possible stream id: no new streams, but those on their way are accepted (section 6.8). */
  announceClose(): void {
    if (!this.closing) {
      this.#writer.goaway(windowBytesMax, errorCode.none);
    }
  }

  /** Starts and accepts no streams; ends once the open ones have ended. */
  close(): void {
    if (this.destroyed || this.#streams.acceptedMax !== windowBytesMax) return;
    this.closing = true;
    this.#streams.acceptedMax = this.#streams.lastPeerId;
    this.#writer.goaway(this.#streams.lastPeerId, errorCode.none);
    this.#endIfDone();
  }

  /** Ends it at once, with GOAWAY if there is an error code. */
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
    this.#countResponse(ends);
    this.#streams.onData(id, sizes, ends);
  }

  onDataPiece(piece: Buffer, last: boolean): void {
    this.#streams.onDataPiece(piece, last);
  }

  onBlock(id: number, block: Buffer, ends: boolean): void {
    this.#countResponse(ends);
    this.#streams.onBlock(id, block, ends);
  }

  /** A client's work for a call follows its response, and a server's follows the request headers. */
  #countResponse(ends: boolean): void {
    if (ends && this.isClient) {
      this.#reads.countCall();
    }
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
        throw new ConnectionError("PUSH_PROMISE although SETTINGS_ENABLE_PUSH is 0");
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
      // Unknown frames are ignored (section 4.1).
    }
  }

  onLimit(limit: PeerLimit): void {
    this.#listener.onLimit?.(limit);
  }

  onUnsent(): void {
    this.#listener.onUnsent?.(this.unsentBytes);
  }

  /** Whether this connection's slice of the turn is over. */
  get yields(): boolean {
    return this.#reads.yields;
  }

  #onSettings(payload: Buffer, ack: boolean): void {
    checkSize(payload, 0, payload.length % settingBytes === 0 && (!ack || payload.length === 0));
    if (ack) {
      return;
    }
    const settings = readPeerSettings(payload, { client: this.isClient });
    this.#peerWork.settings(settings.count);
    if (settings.headerTableSize !== undefined) {
      this.#writer.setTableSize(settings.headerTableSize);
    }
    this.peerStreamsMax = settings.maxConcurrentStreams ?? this.peerStreamsMax;
    this.#writer.peerHeaderBytesMax = settings.maxHeaderListSize ?? this.#writer.peerHeaderBytesMax;
    if (settings.initialWindowSize !== undefined) {
      this.#streams.setPeerWindow(settings.initialWindowSize);
    }
    this.#writer.settingsAck();
    this.#listener.onSettings?.();
    this.#streams.pump();
  }

  /** A client's GOAWAY concerns streams that a server opens, and there are none: the client's own calls may still arrive (section 6.8). */
  #onGoaway(lastStreamId: number, code: number): void {
    if (!this.isClient) {
      return;
    }
    this.closing = true;
    this.#listener.onGoaway?.(lastStreamId);
    this.#streams.close(errorCode.refusedStream, lastStreamId);
    if (code === errorCode.none) {
      this.#endIfDone();
    } else {
      // The peer ends the connection for an error that it has found, and answers nothing more.
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
    // Pending frames are still sent, above all a GOAWAY with a reason.
    this.#writer.flush();
    endSocket(this.socket, { atOnce: code !== errorCode.none });
    this.#listener.onClose?.();
  }
}
