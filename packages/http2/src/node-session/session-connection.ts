import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type Http2Session,
  performServerHandshake,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import type { AnyHttp2Connection } from "../any-connection.ts";
import type { ConnectionListener, ConnectionOptions } from "../connection-options.ts";
import { errorCode } from "../frames/constants.ts";
import { nodeHeaders } from "./node-headers.ts";
import { SessionStream, type SessionStreamOwner } from "./session-stream.ts";

/**
 * A connection carried by a session of `node:http2`. Node's own limits protect it from hostile peers: `turns` and `overhead` are not
 * used, and the listener's `onLimit` is never called.
 */
export class SessionConnection implements AnyHttp2Connection, SessionStreamOwner {
  readonly socket: Duplex;
  peerStreamsMax: number = Number.POSITIVE_INFINITY;
  /** Node does not report when bytes arrived. */
  readonly behindMs = 0;
  readonly #session: Http2Session;
  readonly #listener: ConnectionListener;
  readonly #streams = new Set<SessionStream>();
  #queuedBytes = 0;
  #goawayReceived = false;
  #closesAtNextStream = false;
  #ended = false;

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.socket = socket;
    const { listener, connectionWindowBytes } = options;
    this.#listener = listener;
    const session = options.role === "client" ? clientSession(socket, options) : serverSession(socket, options);
    this.#session = session;
    session.once("connect", () => session.setLocalWindowSize(connectionWindowBytes));
    session.on("stream", (native: ServerHttp2Stream, _headers: unknown, _flags: number, fields: readonly string[]) => {
      const stream = this.#add(native);
      listener.onStream?.(stream, { fields, malformed: false, tooLarge: false, units: 0 });
      if (this.#closesAtNextStream) {
        this.close();
      }
    });
    session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.peerStreamsMax = maxConcurrentStreams ?? this.peerStreamsMax;
      // A GOAWAY that arrived with the settings is handled first: a connection that is closed as soon as it is open counts as unusable.
      setImmediate(() => listener.onSettings?.());
    });
    session.on("goaway", (_code: number, lastStreamId: number) => {
      if (options.role === "client") {
        this.#goawayReceived = true;
        listener.onGoaway?.(lastStreamId);
      }
    });
    // "close" follows, and ends the streams.
    session.on("error", () => {});
    session.on("close", () => this.#end());
    socket.on("error", () => {});
    socket.on("close", () => this.#end());
  }

  get closing(): boolean {
    return this.#goawayReceived || this.#session.closed || this.destroyed;
  }

  get destroyed(): boolean {
    return this.#ended || this.#session.destroyed;
  }

  get openCount(): number {
    return this.#streams.size;
  }

  get unsentBytes(): number {
    return this.#queuedBytes;
  }

  /** Node reads a session's socket itself. */
  restReads(): void {}

  allowStreams(streamsMax: number): void {
    if (!this.destroyed) {
      this.#session.settings({ maxConcurrentStreams: streamsMax });
    }
  }

  /** Node's own limits cannot be changed once a session is open. */
  trustPeer(): void {}

  resetQueued(code: number): void {
    for (const stream of [...this.#streams]) {
      if (stream.queuedBytes > 0) {
        stream.reset(code);
      }
    }
  }

  open(block: Uint8Array): SessionStream {
    return this.#add((this.#session as ClientHttp2Session).request(nodeHeaders(block), { endStream: false }));
  }

  ping(answered: () => void): void {
    if (this.destroyed || !this.#session.ping(() => answered())) {
      // The maximum of unacknowledged pings is in flight, and their callers will learn the outcome.
      setImmediate(answered);
    }
  }

  /**
   * Once Node has sent a GOAWAY, whatever its last stream id, it ignores further streams. So that none is on its way at that moment, the peer is
   * first limited to one stream at a time, and gets the GOAWAY while that one is open.
   */
  announceClose(): void {
    if (this.closing) {
      return;
    }
    this.#session.settings({ maxConcurrentStreams: 1 }, () => {
      this.#closesAtNextStream = true;
      if ([...this.#streams].some(({ localEnded }) => !localEnded)) {
        this.close();
      }
    });
  }

  close(): void {
    if (!this.destroyed) {
      this.#session.close();
    }
  }

  destroy(code: number = errorCode.none, why = ""): void {
    const session = this.#session;
    if (session.destroyed) {
      return;
    }
    if (code !== errorCode.none) {
      session.goaway(code, 0, Buffer.from(why));
    }
    session.destroy(undefined, code);
    // A peer that does not read would keep the socket open as long as it stays.
    setTimeout(() => this.socket.destroy(), goawayWriteTimeoutMs).unref();
  }

  onIdle(timeoutMs: number, callback: (blocked: boolean) => void): void {
    this.#session.setTimeout(timeoutMs);
    this.#session.on("timeout", () => callback(this.#queuedBytes > 0));
  }

  onQueued(stream: SessionStream, bytes: number): void {
    if (bytes !== 0) {
      this.#queuedBytes += bytes;
      this.#listener.onUnsent?.(this.#queuedBytes, stream);
    }
  }

  onHeld(stream: SessionStream, bytes: number): void {
    this.#listener.onHeld?.(stream, bytes);
  }

  forget(stream: SessionStream): void {
    this.#streams.delete(stream);
  }

  #add(native: ClientHttp2Stream | ServerHttp2Stream): SessionStream {
    const stream = new SessionStream(native, this);
    this.#streams.add(stream);
    return stream;
  }

  #end(): void {
    if (!this.#ended) {
      this.#ended = true;
      for (const stream of [...this.#streams]) {
        stream.reset(errorCode.cancel);
      }
      this.#listener.onClose?.();
    }
  }
}

function clientSession(socket: Duplex, options: ConnectionOptions): ClientHttp2Session {
  return connect("http://localhost", {
    createConnection: () => socket,
    maxSessionMemory: sessionMegabytesMax,
    settings: { ...settings(options), enablePush: false },
  });
}

function serverSession(socket: Duplex, options: ConnectionOptions): Http2Session {
  const { resets, streamsMax = 0 } = options;
  const limits = {
    maxSessionMemory: sessionMegabytesMax,
    ...(resets === undefined ? {} : { streamResetBurst: resets.burstMax, streamResetRate: resets.perSecondMax }),
  };
  return performServerHandshake(socket, {
    ...limits,
    settings: { ...settings(options), maxConcurrentStreams: streamsMax },
  });
}

function settings({ firstWindowBytes, streamWindowBytes, headerBytesMax }: ConnectionOptions) {
  return { initialWindowSize: firstWindowBytes ?? streamWindowBytes, maxHeaderListSize: headerBytesMax };
}

/** The memory limit of a session, in MB: Node's default of 10 is less than a connection's window. */
const sessionMegabytesMax = 64;

/** The time limit for sending GOAWAY with an error, and earlier data. */
const goawayWriteTimeoutMs = 1_000;
