import type { Duplex } from "node:stream";
import type { StreamListener } from "./streams/stream-listener.ts";

/**
 * One HTTP/2 connection, either side of it, whichever implementation carries it: `Http2Connection`, which is our own, or Node's (see
 * {@link Http2Implementation}).
 */
export interface AnyHttp2Connection {
  readonly socket: Duplex;
  /** How many streams the peer lets us have open at once (SETTINGS_MAX_CONCURRENT_STREAMS). */
  readonly peerStreamsMax: number;
  /** No new streams begin: either side sent GOAWAY, or the connection has ended. */
  readonly closing: boolean;
  /** The connection has ended. */
  readonly destroyed: boolean;
  /** Streams that are open. */
  readonly openCount: number;
  /** Bytes that wait to be sent, for flow control or for the socket. */
  readonly unsentBytes: number;
  /** How long the bytes that are read now may have waited, in milliseconds. 0 where the implementation cannot tell. */
  readonly behindMs: number;
  /** Changes how many streams the peer may have open at once. Open streams go on. */
  allowStreams(streamsMax: number): void;
  /** From now on the peer's resets, and its frames that serve no call, are not counted: it passes on what many others do. */
  trustPeer(): void;
  /** Resets the streams with bytes that wait to be sent. */
  resetQueued(code: number): void;
  /** Opens a stream with a block of headers made by `encodeFields`. On a client only, and not once it is {@link closing}. */
  open(block: Uint8Array): AnyHttp2Stream;
  /** Sends PING. Calls back when it is acknowledged, or when the connection has ended. */
  ping(answered: () => void): void;
  /** Asks the peer to open no more streams, and still accepts those that are on their way. */
  announceClose(): void;
  /** Sends GOAWAY, and ends once the open streams have ended. */
  close(): void;
  /** Ends at once; with GOAWAY where there is an error code. */
  destroy(code?: number, why?: string): void;
  /** Calls back when nothing was sent or received for so long. `blocked`: the peer reads nothing of what was sent to it. */
  onIdle(timeoutMs: number, callback: (blocked: boolean) => void): void;
}

/** One stream of a connection, whichever implementation carries it: a request and its response. */
export interface AnyHttp2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  /** Whether it has ended both ways, was reset, or lost its connection. */
  readonly closed: boolean;
  /** The error code of its RST_STREAM, one of `errorCode`; 0 if it was not reset. */
  readonly resetCode: number;
  /** Whether the peer has sent END_STREAM. */
  readonly remoteEnded: boolean;
  /** Whether END_STREAM of this side is on its way. */
  readonly localEnded: boolean;
  headersSent: boolean;
  /** Bytes that wait to be sent. */
  readonly queuedBytes: number;
  /** Called when {@link queuedBytes} has become 0. */
  onDrained: (() => void) | undefined;
  /** Whether all bytes that come in count as held until END_STREAM, as those of a request of one message do. */
  collects: boolean;
  /** The peer's `content-length`, -1 if there is none. More or fewer bytes are a stream error (RFC 9113, section 8.1.1). */
  expectedBytes: number;
  /** Sends a block of headers made by `encodeFields`. */
  sendHeaders(block: Uint8Array, end?: boolean): void;
  /** Sends data, now or when flow control allows it. The bytes must not change any more. */
  sendData(bytes: Uint8Array): void;
  /** Sends the last data, and trailers if there are any. */
  end(bytes?: Uint8Array, trailers?: Uint8Array): void;
  /** Lets the peer send as many bytes more. */
  taken(bytes: number): void;
  /** Backpressure: while its window is held, the peer may send no more than it was allowed before. */
  holdWindow(held: boolean): void;
  /** So many received bytes are held until more has come: the beginning of a message. Reported to the connection's listener. */
  holdBytes(bytes: number): void;
  /** Ends it at once with RST_STREAM. */
  reset(code: number): void;
  /** Resets it for what the peer did; counts as a reset that the peer caused. */
  refuse(code: number): void;
}

/** `own`: this package's connections. `node`: those of `node:http2`, with Node's own limits on hostile peers. */
export type Http2Implementation = "own" | "node";
