import type { Socket } from "node:net";
import type { AnyHttp2Connection, ConnectionListener, Http2Implementation } from "@parley/http2";
import { createHttp2Connection } from "@parley/http2";
import type { Clock } from "../../environment/clock.ts";
import type { TlsOptions } from "../../environment/connections/tls-files.ts";
import { clientTurns } from "./client-turns.ts";
import { openSocket } from "./open-socket.ts";
import type { Endpoint } from "./resolution/endpoint.ts";
import type { Target } from "./resolution/target.ts";
import { whileOpening } from "./while-opening.ts";

/** Options for making and keeping connections. Times in milliseconds. */
export interface ConnectionOptions {
  /** The HTTP/2 implementation: this runtime's `own`, or that of `node:http2`. Default `own`; clients of a service follow the environment's. */
  readonly http2?: Http2Implementation;
  readonly tls?: TlsOptions;
  /** The time limit for connecting, HTTP/2 settings included. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** With calls in flight and nothing received for this long, a PING is sent. Default 20,000. */
  readonly keepaliveMs?: number;
  /** A PING without an acknowledgement for this long ends the connection. Default 3,000. */
  readonly pingTimeoutMs?: number;
  /** A connection without calls for this long is closed. Default 300,000. */
  readonly idleTimeoutMs?: number;
}

/** The default time limit for connecting to one address, in milliseconds. */
export const connectTimeoutMsDefault = 5000;

/** The events of a connection for its channel. */
export interface ConnectionOwner {
  /** The peer's SETTINGS arrived, which gRPC requires before a connection counts as ready. Called once, first. */
  onReady?(connection: Connection): void;
  /** The peer allows more concurrent calls than before. */
  onCapacity(connection: Connection): void;
  /** No new calls may begin on it: GOAWAY arrived, or it is closed. May be called several times. */
  onUnusable(connection: Connection): void;
}

/** Gets the outcomes of a connection's calls. Connections of a balancing policy have one. */
export interface CallObserver {
  /** @param failed whether the call counts against this server, or the path to it */
  onCallEnded(failed: boolean): void;
}

/** The receive window of a stream: buffered for a slow reader. Large enough for a message of any usual size. */
const streamWindowBytes = 1 << 20;
/** The receive window of a connection: what may be on its way. A response waits behind as much of others, which the server sends in turn, a frame each. */
const connectionWindowBytes = 256 << 10;
/** The largest headers of one response. Node's own default for HTTP/1.1 is the same. */
export const headerBytesMax = 16 << 10;

/** One HTTP/2 connection. It outlives GOAWAY until its calls have ended, and ends by itself when the peer is dead. */
export class Connection {
  readonly http2: AnyHttp2Connection;
  /** Its address. */
  readonly endpoint: Endpoint;
  /** Undefined without balancing. */
  observer: CallObserver | undefined;
  /** Called once, when no new calls may begin on it: auxiliary streams must not keep it open. */
  onDraining: (() => void) | undefined;
  readonly #socket: Socket;
  /** Calls in flight. Updated by {@link begin} and {@link end}. */
  openCount = 0;
  /** The concurrent calls that the peer allows (SETTINGS_MAX_CONCURRENT_STREAMS). */
  capacity: number = Number.POSITIVE_INFINITY;
  /** Counts responses; no change for long means that the peer may be dead. */
  receivedCount = 0;
  /** The last stream that the peer processes, once it has sent GOAWAY. */
  lastStreamId: number = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  readonly #options: Required<Omit<ConnectionOptions, "tls" | "http2">>;
  #cancelWatch: () => void = () => {};
  #cancelPing: (() => void) | undefined;
  #idleSinceMs: number;
  #ready = false;
  #firstStreamsMax: number = Number.POSITIVE_INFINITY;
  #reservedStreams = 0;

  constructor(
    socket: Socket,
    owner: ConnectionOwner,
    { endpoint, clock, options }: Pick<OpenOptions, "clock" | "options"> & { readonly endpoint: Endpoint },
  ) {
    this.#socket = socket;
    this.endpoint = endpoint;
    this.#clock = clock;
    this.#idleSinceMs = clock.monotonic();
    this.#options = {
      connectTimeoutMs: options.connectTimeoutMs ?? connectTimeoutMsDefault,
      keepaliveMs: options.keepaliveMs ?? 20_000,
      pingTimeoutMs: options.pingTimeoutMs ?? 3000,
      idleTimeoutMs: options.idleTimeoutMs ?? 300_000,
    };
    const listener: ConnectionListener = {
      onSettings: () => {
        this.#count();
        if (!this.#ready) {
          this.#ready = true;
          this.#firstStreamsMax = this.http2.peerStreamsMax;
          socket.unref();
          owner.onReady?.(this);
        }
        owner.onCapacity(this);
      },
      onGoaway: (lastStreamId) => {
        this.lastStreamId = lastStreamId;
        owner.onUnusable(this);
        this.#startDraining();
      },
      onClose: () => {
        this.#cancelWatch();
        this.#cancelPing?.();
        owner.onUnusable(this);
        this.#startDraining();
      },
    };
    this.http2 = createHttp2Connection(socket, {
      implementation: options.http2,
      role: "client",
      listener,
      streamWindowBytes,
      connectionWindowBytes,
      headerBytesMax,
      turns: clientTurns,
    });
    this.#watch();
  }

  /** Counts a call. Connections with calls in flight keep the process alive, others do not. */
  begin(): void {
    if (this.openCount++ === 0) {
      this.#socket.ref();
    }
  }

  /** Removes a call from the count. */
  end(): void {
    if (--this.openCount === 0) {
      this.#socket.unref();
      this.#idleSinceMs = this.#clock.monotonic();
    }
  }

  /** Whether the peer has lowered its limit of concurrent streams since the connection was established. */
  get isNarrowed(): boolean {
    return this.http2.peerStreamsMax < this.#firstStreamsMax;
  }

  /** Reserves streams that calls cannot use, or releases them (a negative number): those of health watching, which are not calls. */
  reserveStreams(count: number): void {
    this.#reservedStreams += count;
    this.#count();
  }

  /** Whether the peer is unreachable on it. */
  get lost(): boolean {
    return this.http2.destroyed;
  }

  /** Sends a PING; the connection ends without an acknowledgement in time. A second request has no effect. */
  probe(): void {
    if (this.#cancelPing !== undefined || this.http2.destroyed) {
      return;
    }
    this.#cancelPing = this.#clock.after(this.#options.pingTimeoutMs, () => this.http2.destroy());
    this.http2.ping(() => {
      this.#cancelPing?.();
      this.#cancelPing = undefined;
    });
  }

  /** Drains: calls in flight may finish, and no new ones begin. */
  close(): void {
    this.#startDraining();
    this.http2.close();
  }

  #startDraining(): void {
    const { onDraining } = this;
    this.onDraining = undefined;
    onDraining?.();
  }

  #count(): void {
    this.capacity = this.http2.peerStreamsMax - this.#reservedStreams;
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

interface OpenOptions {
  readonly owner: ConnectionOwner;
  readonly clock: Clock;
  readonly options: ConnectionOptions;
  readonly signal: AbortSignal;
}

/** Opens a connection; resolves once the peer's SETTINGS have arrived. */
export async function openConnection(
  endpoint: Endpoint,
  target: Target,
  { owner, clock, options, signal }: OpenOptions,
): Promise<Connection> {
  const timeoutMs = options.connectTimeoutMs ?? connectTimeoutMsDefault;
  const untilMs = clock.monotonic() + timeoutMs;
  const socket = await openSocket(endpoint, { target, clock, protocol: "h2", tls: options.tls, timeoutMs, signal });
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const leftMs = untilMs - clock.monotonic();
  const { settle } = whileOpening(socket, { clock, leftMs, timeoutMs, signal, onFailed: reject });
  const opening: ConnectionOwner = {
    onReady(connection) {
      settle();
      resolve(connection);
    },
    onCapacity: (connection) => owner.onCapacity(connection),
    onUnusable: (connection) => owner.onUnusable(connection),
  };
  new Connection(socket, opening, { endpoint, clock, options });
  return promise;
}
