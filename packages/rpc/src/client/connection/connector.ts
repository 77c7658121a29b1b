import { type BackoffOptions, backoffMs } from "../../environment/backoff.ts";
import type { Clock } from "../../environment/clock.ts";
import type { TlsSource } from "../../environment/connections/tls-files.ts";
import type { ChannelOptions } from "./channel.ts";
import { type Connection, type ConnectionOwner, openConnection } from "./client-connection.ts";
import { raceEndpoints } from "./race-endpoints.ts";
import type { Endpoint } from "./resolution/endpoint.ts";
import type { Target } from "./resolution/target.ts";

/** The events of a connector for its channel. */
export interface ConnectorOwner {
  /** A connection was established, before calls use it. */
  onConnected?(connection: Connection): void;
  /** There may be room for calls. */
  onRoom(): void;
  /** The last usable connection is gone. */
  onGone(): void;
  /** No connection can be made at present; the next attempt is after a backoff. */
  onUnreachable(error: unknown): void;
  /** The backoff is over. */
  onBackoffOver(): void;
}

export interface ConnectorOptions {
  readonly target: Target;
  /** The addresses to try, best first. Called before every connection. */
  readonly endpoints: () => Promise<readonly Endpoint[]>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly tls: TlsSource | undefined;
  readonly options: ChannelOptions;
  readonly connectionsMax: number;
  readonly owner: ConnectorOwner;
}

/** How many consecutive connections may get GOAWAY before any answer, until the target counts as unreachable. */
const fruitlessMax = 3;
/** How long no further connection is tried beside a working one after such an attempt has failed, in milliseconds. */
const expandPauseMs = 1000;

/**
 * Connects to the first reachable address, and reconnects, with backoff, when the connection is lost. If the peer's limit of concurrent
 * streams is reached it opens further connections, up to `connectionsMax`.
 */
export class Connector implements ConnectionOwner {
  state: "idle" | "connecting" | "ready" | "backoff" = "idle";
  lastError: unknown;
  readonly #options: ConnectorOptions;
  readonly #closed = new AbortController();
  /** Those that accept calls, oldest first, without {@link #current}. */
  readonly #others: Connection[] = [];
  /** All open connections, also those that drain. */
  readonly #open = new Set<Connection>();
  #current: Connection | undefined;
  #failures = 0;
  #fruitless = 0;
  #expanding = false;
  #expandAfterMs = Number.NEGATIVE_INFINITY;
  #cancelBackoff: () => void = () => {};

  constructor(options: ConnectorOptions) {
    this.#options = options;
  }

  /** The preferred connection for new calls. */
  get current(): Connection | undefined {
    return this.#current;
  }

  get isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  /** The connection for a new call, which it counts; undefined if none has room. */
  acquire(): Connection | undefined {
    const connection = this.#current;
    if (connection !== undefined && connection.openCount < connection.capacity) {
      connection.begin();
      return connection;
    }
    return connection === undefined ? undefined : this.#acquireOther();
  }

  /** Connects, unless it is connecting, connected, or in backoff. */
  connect(): void {
    if (this.state === "idle" && !this.isClosed) {
      void this.#connect();
    }
  }

  /** Drains all connections, and uses none of them for new calls. */
  drain(): void {
    const usable = this.#takeUsable();
    this.state = this.state === "ready" ? "idle" : this.state;
    for (const connection of usable) {
      connection.close();
    }
  }

  /** Drains all connections, aborts pending connection attempts, and connects no more. */
  close(): void {
    this.#closed.abort();
    this.#cancelBackoff();
    this.#takeUsable();
    for (const connection of this.#open) {
      connection.close();
    }
  }

  onCapacity(): void {
    this.#options.owner.onRoom();
  }

  onUnusable(connection: Connection): void {
    if (connection.lost) {
      this.#open.delete(connection);
    }
    const index = this.#others.indexOf(connection);
    if (index >= 0) {
      this.#others.splice(index, 1);
      return;
    }
    if (connection !== this.#current) {
      return;
    }
    this.#fruitless = connection.receivedCount === 0 && connection.openCount > 0 ? this.#fruitless + 1 : 0;
    this.#current = this.#others.shift();
    if (this.#current !== undefined) {
      return;
    }
    if (this.#fruitless > 0 && (connection.lost || this.#fruitless >= fruitlessMax)) {
      // It accepted calls and responded to none: reconnecting at once would only repeat that.
      this.#backOff(new Error("the server closed the connection before it responded to any call"));
    } else {
      this.state = "idle";
      this.#options.owner.onGone();
    }
  }

  #acquireOther(): Connection | undefined {
    for (const connection of this.#others) {
      if (connection.openCount < connection.capacity) {
        connection.begin();
        return connection;
      }
    }
    if (this.#mayExpand()) {
      void this.#expand();
    }
    return undefined;
  }

  #mayExpand(): boolean {
    const count = this.#others.length + 1;
    return (
      count < this.#options.connectionsMax &&
      !this.#expanding &&
      !this.isClosed &&
      // A peer lowers its limit to get fewer calls, not more connections.
      this.#current?.isNarrowed === false &&
      this.#options.clock.monotonic() >= this.#expandAfterMs
    );
  }

  async #expand(): Promise<void> {
    this.#expanding = true;
    try {
      const connection = await this.#openAny();
      this.#open.add(connection);
      if (this.#current === undefined) {
        this.#current = connection;
        this.state = "ready";
      } else {
        this.#others.push(connection);
      }
      this.#options.owner.onConnected?.(connection);
    } catch {
      // Open ones stay, and calls wait for them as before.
      this.#expandAfterMs = this.#options.clock.monotonic() + expandPauseMs;
    }
    this.#expanding = false;
    this.#options.owner.onRoom();
  }

  async #connect(): Promise<void> {
    this.state = "connecting";
    try {
      const connection = await this.#openAny();
      this.#open.add(connection);
      this.#failures = 0;
      this.state = "ready";
      if (this.#current !== undefined) {
        this.#others.push(this.#current);
      }
      this.#current = connection;
      this.#options.owner.onConnected?.(connection);
      this.#options.owner.onRoom();
    } catch (error) {
      if (!this.isClosed) {
        this.#backOff(error);
      }
    }
  }

  async #openAny(): Promise<Connection> {
    return raceEndpoints(await this.#options.endpoints(), {
      open: (endpoint, signal) => this.#openOne(endpoint, signal),
      discard: (late) => late.close(),
      clock: this.#options.clock,
      signal: this.#closed.signal,
    });
  }

  async #openOne(endpoint: Endpoint, signal: AbortSignal): Promise<Connection> {
    const { target, clock, options, tls } = this.#options;
    const material = tls === undefined ? {} : { tls: await tls.current() };
    const connection = await openConnection(endpoint, target, {
      ...{ owner: this, clock, signal },
      options: { ...options, ...material },
    });
    if (connection.http2.closing) {
      // A server that drains may still accept connections, to send GOAWAY on them. Another address may work.
      throw new Error("the server closed the connection as soon as it was established");
    }
    return connection;
  }

  #takeUsable(): readonly Connection[] {
    const usable = this.#current === undefined ? [] : [this.#current, ...this.#others];
    this.#current = undefined;
    this.#others.length = 0;
    return usable;
  }

  #backOff(error: unknown): void {
    const { clock, random, options, owner } = this.#options;
    this.lastError = error;
    this.state = "backoff";
    this.#failures++;
    this.#cancelBackoff = clock.after(connectBackoffMs(this.#failures, random, options.backoff), () => {
      this.state = "idle";
      owner.onBackoffOver();
    });
    owner.onUnreachable(error);
  }
}

/** The wait before reconnecting, in milliseconds: no option may exceed gRPC's maximum. */
export function connectBackoffMs(failures: number, random: () => number, options: BackoffOptions = {}): number {
  const { maxMs } = options;
  return backoffMs(
    failures,
    random,
    maxMs === undefined ? options : { ...options, maxMs: Math.min(maxMs, connectBackoffMaxMs) },
  );
}

/** gRPC connection backoff protocol: "MAX_BACKOFF = 120 seconds". */
const connectBackoffMaxMs = 120_000;
