import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../environment/clock.ts";
import type { Endpoint, Target } from "./target.ts";

/** What TLS needs to know: whom to trust, and who we are. */
export interface TlsOptions {
  /** The certificate authorities to trust, PEM. Default: the system's. */
  readonly ca?: string | Buffer;
  /** Our own certificate, PEM, where the server asks for one. */
  readonly cert?: string | Buffer;
  /** The key of our own certificate, PEM. */
  readonly key?: string | Buffer;
  /** False accepts any certificate. For tests alone. Default true. */
  readonly rejectUnauthorized?: boolean;
}

/** How a connection is kept. All in milliseconds. */
export interface ConnectionOptions {
  readonly tls?: TlsOptions;
  /** How long a connection may take to come up, HTTP/2 settings included. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** With calls under way and nothing received for this long, a ping is sent. Default 20,000. */
  readonly keepaliveMs?: number;
  /** A ping that has no answer for this long ends the connection. Default 3,000. */
  readonly pingTimeoutMs?: number;
  /** A connection without calls for this long is closed. Default 300,000. */
  readonly idleTimeoutMs?: number;
}

/** What a connection tells the channel that opened it. */
export interface ConnectionOwner {
  /** The peer allows more calls at once than before. */
  onCapacity(connection: Connection): void;
  /** No new calls may begin on it: GOAWAY came, or it is closed. May be called more than once. */
  onUnusable(connection: Connection): void;
}

/** A stream's window: a caller that reads late is buffered this far. Large enough for a message of any usual size in one go. */
const streamWindowBytes = 1 << 20;
/** All streams' window together. */
const connectionWindowBytes = 16 << 20;
/** The most that one response's headers may take. Node's own default for HTTP/1.1 is the same. */
export const headerBytesMax = 16 << 10;
/** What a connection may hold in memory, beyond which Node refuses streams: the window of all streams, several times over. */
const sessionMegabytesMax = 64;
/** The most fields that one response's headers may have. */
const headerCountMax = 256;

/** One HTTP/2 connection. It outlives GOAWAY until its calls have ended, and ends by itself when the other side is gone. */
export class Connection {
  readonly session: ClientHttp2Session;
  /** Calls under way. Kept by {@link begin} and {@link end}. */
  openCount = 0;
  /** How many calls the peer allows at once (SETTINGS_MAX_CONCURRENT_STREAMS). */
  capacity: number = Number.POSITIVE_INFINITY;
  /** Grows with every answer; standing still for long means that the other side may be gone. */
  receivedCount = 0;
  /** The last stream that the peer looked at, once it has sent GOAWAY. */
  lastStreamId: number = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  readonly #options: Required<Omit<ConnectionOptions, "tls">>;
  #cancelWatch: () => void = () => {};
  #cancelPing: (() => void) | undefined;
  #idleSinceMs: number;

  constructor(session: ClientHttp2Session, owner: ConnectionOwner, clock: Clock, options: ConnectionOptions) {
    this.session = session;
    this.#clock = clock;
    this.#idleSinceMs = clock.monotonic();
    this.#options = {
      connectTimeoutMs: options.connectTimeoutMs ?? 5000,
      keepaliveMs: options.keepaliveMs ?? 20_000,
      pingTimeoutMs: options.pingTimeoutMs ?? 3000,
      idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
    };
    session.on("remoteSettings", (settings) => {
      this.capacity = settings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      owner.onCapacity(this);
    });
    session.on("goaway", (_code, lastStreamId) => {
      this.lastStreamId = lastStreamId;
      owner.onUnusable(this);
    });
    session.on("close", () => {
      this.#cancelWatch();
      this.#cancelPing?.();
      owner.onUnusable(this);
    });
    // What went wrong reaches the calls through their streams; a session whose errors nobody hears would end the process.
    session.on("error", () => owner.onUnusable(this));
    this.capacity = session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    session.unref();
    this.#watch();
  }

  /** Counts a call in. Connections with calls under way keep the process alive, others do not. */
  begin(): void {
    if (this.openCount++ === 0) {
      this.session.ref();
    }
  }

  /** Counts a call out. */
  end(): void {
    if (--this.openCount === 0) {
      this.session.unref();
      this.#idleSinceMs = this.#clock.monotonic();
    }
  }

  /** Whether the other side can no longer be reached on it. */
  get lost(): boolean {
    return this.session.destroyed;
  }

  /** Asks the other side for a sign of life; the connection ends where none comes in time. Asking twice is asking once. */
  probe(): void {
    if (this.#cancelPing !== undefined || this.session.destroyed || this.session.closed) {
      return;
    }
    this.#cancelPing = this.#clock.after(this.#options.pingTimeoutMs, () => this.#destroy("ping timed out"));
    try {
      this.session.ping((error) => {
        this.#cancelPing?.();
        this.#cancelPing = undefined;
        if (error !== null) {
          this.#destroy("ping failed");
        }
      });
    } catch {
      // The session ended between the check and the ping.
      this.#destroy("ping failed");
    }
  }

  /** Lets calls under way finish, and begins no new ones. */
  close(): void {
    this.session.close();
  }

  #destroy(reason: string): void {
    if (!this.session.destroyed) {
      this.session.destroy(new Error(reason));
    }
  }

  #watch(): void {
    const { keepaliveMs, idleTimeoutMs } = this.#options;
    const seenCount = this.receivedCount;
    this.#cancelWatch = this.#clock.after(Math.min(keepaliveMs, idleTimeoutMs), () => {
      if (this.openCount > 0) {
        if (this.receivedCount === seenCount) {
          this.probe();
        }
      } else if (this.#clock.monotonic() - this.#idleSinceMs >= idleTimeoutMs) {
        this.close();
        return;
      }
      this.#watch();
    });
  }
}

/** Opens a connection; resolves once the peer's settings are there, as gRPC asks before a connection counts as ready. */
export function openConnection(
  endpoint: Endpoint,
  target: Target,
  {
    owner,
    clock,
    options,
    signal,
  }: {
    readonly owner: ConnectionOwner;
    readonly clock: Clock;
    readonly options: ConnectionOptions;
    readonly signal: AbortSignal;
  },
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const socket = openSocket(endpoint, target, options.tls);
  const sessionOptions: SecureClientSessionOptions = {
    createConnection: () => socket,
    settings: { enablePush: false, initialWindowSize: streamWindowBytes, maxHeaderListSize: headerBytesMax },
    maxHeaderListPairs: headerCountMax,
    maxSessionMemory: sessionMegabytesMax,
  };
  const session = connect(`${target.scheme}://${target.authority}`, sessionOptions);
  const timeoutMs = options.connectTimeoutMs ?? 5000;
  const cancelTimeout = clock.after(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)));

  function fail(error: Error): void {
    settle();
    session.destroy();
    reject(error);
  }
  function closed(): void {
    fail(new Error("closed before it was ready"));
  }
  function settle(): void {
    cancelTimeout();
    signal.removeEventListener("abort", abort);
    session.off("error", fail);
    session.off("close", closed);
  }
  function abort(): void {
    fail(new Error("the client was closed"));
  }
  signal.addEventListener("abort", abort);
  // An error that nobody hears, for example a second one, would end the process.
  socket.on("error", ignore);
  session.on("error", ignore);
  session.on("error", fail);
  session.on("close", closed);
  session.once("connect", () => {
    if (target.scheme === "https" && (socket as TLSSocket).alpnProtocol !== "h2") {
      fail(new Error("the server does not speak HTTP/2"));
    } else if (!session.destroyed) {
      session.setLocalWindowSize(connectionWindowBytes);
    }
  });
  session.once("remoteSettings", () => {
    settle();
    resolve(new Connection(session, owner, clock, options));
  });
  return promise;
}

function ignore(): void {}

function openSocket({ host, port }: Endpoint, target: Target, tls: TlsOptions = {}): Socket {
  if (target.scheme === "http") {
    return connectTcp({ host, port, noDelay: true });
  }
  const servername = /^[\d.]+$|:/.test(target.hostname) ? {} : { servername: target.hostname };
  return connectTls({ host, port, ALPNProtocols: ["h2"], ...servername, ...tls }).setNoDelay(true);
}
