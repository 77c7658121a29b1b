import type { Duplex } from "node:stream";
import type { StreamListener } from "./streams/stream-listener.ts";

/**
 * One HTTP/2 connection, client or server, of either implementation: `Http2Connection`, which is our own, or Node's (see
 * {@link Http2Implementation}).
 */
export interface AnyHttp2Connection {
  readonly socket: Duplex;
  /** The streams that the peer allows at once (SETTINGS_MAX_CONCURRENT_STREAMS). */
  readonly peerStreamsMax: number;
  /** No new streams start: either side sent GOAWAY, or the connection has ended. */
  readonly closing: boolean;
  /** The connection has ended. */
  readonly destroyed: boolean;
  /** The number of open streams. */
  readonly openCount: number;
  /** Unsent bytes, blocked by flow control or by the socket. */
  readonly unsentBytes: number;
  /** How long the bytes being read may have waited, in milliseconds. 0 if the implementation does not know. */
  readonly behindMs: number;
  /** Pauses reading for this time, in milliseconds. The implementation may still read a little. Node's connections do not pause. */
  restReads(restMs: number): void;
  /** Changes the number of streams that the peer may have open at once. Open streams stay. */
  allowStreams(streamsMax: number): void;
  /** From now on the peer's resets and overhead frames are not counted: it forwards calls of many clients. */
  trustPeer(): void;
  /** Resets the streams with unsent bytes. */
  resetQueued(code: number): void;
  /** Opens a stream with a header block from `encodeFields`. On a client only, and not once it is {@link closing}. */
  open(block: Uint8Array): AnyHttp2Stream;
  /** Sends PING. Calls back when it is acknowledged, or when the connection has ended. */
  ping(answered: () => void): void;
  /** Sends a GOAWAY that still accepts streams on their way. */
  announceClose(): void;
  /** Sends GOAWAY, and ends once the open streams have ended. */
  close(): void;
  /** Ends at once; with GOAWAY if there is an error code. */
  destroy(code?: number, why?: string): void;
  /** Calls back when nothing was sent or received for this time. `blocked`: the peer does not read unsent data. */
  onIdle(timeoutMs: number, callback: (blocked: boolean) => void): void;
}

/** One stream of a connection, of either implementation: a request and its response. */
export interface AnyHttp2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  /** Whether it has ended both ways, was reset, or lost its connection. */
  readonly closed: boolean;
  /** The error code of its RST_STREAM, one of `errorCode`; 0 if it was not reset. */
  readonly resetCode: number;
  /** Whether the peer has sent END_STREAM. */
  readonly remoteEnded: boolean;
  /** Whether END_STREAM of this side was sent or queued. */
  readonly localEnded: boolean;
  headersSent: boolean;
  /**
   * The largest header list that the peer accepts, in bytes (SETTINGS_MAX_HEADER_LIST_SIZE, RFC 9113, section 6.5.2): name, value and 32 bytes for
   * each field. Infinity if it announced none.
   */
  readonly peerHeaderBytesMax: number;
  /** Unsent bytes. */
  readonly queuedBytes: number;
  /** Called when {@link queuedBytes} has become 0. */
  onDrained: (() => void) | undefined;
  /** Whether all received bytes count as held until END_STREAM: for requests of one message. */
  collects: boolean;
  /** The peer's `content-length`, -1 if there is none. More or fewer bytes are a stream error (RFC 9113, section 8.1.1). */
  expectedBytes: number;
  /** Sends a header block from `encodeFields`. */
  sendHeaders(block: Uint8Array, end?: boolean): void;
  /** Sends data, now or when flow control allows it. The bytes must not change afterwards. */
  sendData(bytes: Uint8Array): void;
  /** Sends the last data, and trailers if there are any. */
  end(bytes?: Uint8Array, trailers?: Uint8Array): void;
  /** Replenishes the receive window by this many bytes. */
  taken(bytes: number): void;
  /** Backpressure: while its window is held, it is not replenished. */
  holdWindow(held: boolean): void;
  /** This many received bytes are held until more arrive: the beginning of a message. Reported to the connection's listener. */
  holdBytes(bytes: number): void;
  /** Ends it at once with RST_STREAM. */
  reset(code: number): void;
  /** Resets it for an error of the peer; counts as a reset that the peer caused. */
  refuse(code: number): void;
}

/** `own`: this package's connections. `node`: those of `node:http2`, with Node's own limits on hostile peers. */
export type Http2Implementation = "own" | "node";
