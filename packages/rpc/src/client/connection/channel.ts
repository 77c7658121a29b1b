import { Code, ConnectError } from "@connectrpc/connect";
import { type BackoffOptions, backoffMs } from "../../environment/backoff.ts";
import type { Clock } from "../../environment/clock.ts";
import { markReach } from "../call/attempt-outcome.ts";
import { type Connection, type ConnectionOptions, type ConnectionOwner, openConnection } from "./client-connection.ts";
import { errorWords } from "./error-words.ts";
import { raceEndpoints } from "./race-endpoints.ts";
import { type Endpoint, parseTarget, type Target } from "./target.ts";

/** A call that waits for a connection. */
export interface ConnectionWaiter {
  /** Its turn has come. The connection has counted the call in already. */
  onConnection(connection: Connection): void;
  /** No connection can be had. Nothing was sent. */
  onUnreachable(error: ConnectError): void;
}

export interface ChannelOptions extends ConnectionOptions {
  readonly backoff?: BackoffOptions;
  /** How many calls may wait for a connection, or for the peer's limit of concurrent calls. Default 4,096. */
  readonly queueLengthMax?: number;
}

/** How many connections in a row may be sent away (GOAWAY) before they answer anything, until the target counts as unreachable. */
const fruitlessMax = 3;

/**
 * The way to one target: one connection to the first of its places that can be reached (gRPC's `pick_first`), made when a call needs it
 * and made anew, with backoff, when it is gone. Calls that come while it is being made wait for it; calls that come while the target
 * is known to be unreachable fail at once.
 */
export class Channel implements ConnectionOwner {
  readonly target: Target;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #options: ChannelOptions;
  readonly #waiting = new Set<ConnectionWaiter>();
  readonly #connections = new Set<Connection>();
  readonly #closed = new AbortController();
  #current: Connection | undefined;
  #state: "idle" | "connecting" | "ready" | "backoff" = "idle";
  #failures = 0;
  #fruitless = 0;
  #lastError: unknown;
  #wantedInBackoff = false;
  #cancelBackoff: () => void = () => {};

  constructor(target: string, clock: Clock, random: () => number, options: ChannelOptions = {}) {
    this.target = parseTarget(target);
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** The connection for a new call, which it counts in; undefined where the call has to {@link wait}. */
  acquire(): Connection | undefined {
    const connection = this.#current;
    if (connection === undefined || connection.openCount >= connection.capacity) {
      return undefined;
    }
    connection.begin();
    return connection;
  }

  /** Gives a connection back once its call has ended. */
  release(connection: Connection): void {
    connection.end();
    if (this.#waiting.size > 0) {
      this.#serve();
    }
  }

  /** Calls the waiter back, later or at once, exactly one of its two methods, unless it is forgotten before. */
  wait(waiter: ConnectionWaiter): void {
    if (this.#closed.signal.aborted) {
      waiter.onUnreachable(this.#unreachable("the client was closed"));
    } else if (this.#state === "backoff") {
      this.#wantedInBackoff = true;
      waiter.onUnreachable(this.#unreachable(this.#lastError));
    } else if (this.#waiting.size >= (this.#options.queueLengthMax ?? 4096)) {
      const message = `${this.target.name}: too many calls wait for a connection`;
      waiter.onUnreachable(markReach(new ConnectError(message, Code.ResourceExhausted), "unreachable"));
    } else {
      this.#waiting.add(waiter);
      if (this.#state === "idle") {
        void this.#connect();
      } else {
        this.#serve();
      }
    }
  }

  /** Takes a waiter out of the queue. */
  forget(waiter: ConnectionWaiter): void {
    this.#waiting.delete(waiter);
  }

  /** Ends all connections once their calls have ended, and fails what waits. */
  close(): void {
    this.#closed.abort();
    this.#cancelBackoff();
    this.#failWaiting("the client was closed");
    for (const connection of this.#connections) {
      connection.close();
    }
  }

  onCapacity(): void {
    this.#serve();
  }

  onUnusable(connection: Connection): void {
    if (connection.lost) {
      this.#connections.delete(connection);
    }
    if (connection !== this.#current) {
      return;
    }
    this.#current = undefined;
    this.#fruitless = connection.receivedCount === 0 && connection.openCount > 0 ? this.#fruitless + 1 : 0;
    if (this.#fruitless > 0 && (connection.lost || this.#fruitless >= fruitlessMax)) {
      // It took calls and answered none: coming back at once would only go round in circles.
      this.#backOff("the connection was closed before it answered anything");
    } else {
      this.#state = "idle";
      if (this.#waiting.size > 0) {
        void this.#connect();
      }
    }
  }

  async #connect(): Promise<void> {
    this.#state = "connecting";
    try {
      const connection = await raceEndpoints(await this.target.resolve(), {
        open: (endpoint, signal) => this.#open(endpoint, signal),
        discard: (late) => late.close(),
        clock: this.#clock,
        signal: this.#closed.signal,
      });
      this.#connected(connection);
    } catch (error) {
      if (!this.#closed.signal.aborted) {
        this.#backOff(error);
      }
    }
  }

  async #open(endpoint: Endpoint, signal: AbortSignal): Promise<Connection> {
    const options = { owner: this, clock: this.#clock, options: this.#options, signal };
    const connection = await openConnection(endpoint, this.target, options);
    if (connection.http2.closing) {
      // A server that drains may still accept connections, to send GOAWAY on them. Another address may be there to stay.
      throw new Error("the connection was closed as soon as it was open");
    }
    return connection;
  }

  #connected(connection: Connection): void {
    this.#connections.add(connection);
    this.#failures = 0;
    this.#state = "ready";
    this.#current = connection;
    this.#serve();
  }

  #backOff(error: unknown): void {
    this.#lastError = error;
    this.#state = "backoff";
    this.#wantedInBackoff = false;
    this.#failures++;
    this.#cancelBackoff = this.#clock.after(
      connectBackoffMs(this.#failures, this.#random, this.#options.backoff),
      () => {
        this.#state = "idle";
        // Only where somebody asked meanwhile: a target that nobody calls is left alone.
        if (this.#wantedInBackoff) {
          void this.#connect();
        }
      },
    );
    this.#failWaiting(error);
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      const connection = this.acquire();
      if (connection === undefined) {
        return;
      }
      this.#waiting.delete(waiter);
      waiter.onConnection(connection);
    }
  }

  #failWaiting(cause: unknown): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) {
      waiter.onUnreachable(this.#unreachable(cause));
    }
  }

  #unreachable(cause: unknown): ConnectError {
    const message = `cannot connect to ${this.target.name}: ${errorWords(cause)}`;
    return markReach(new ConnectError(message, Code.Unavailable, undefined, undefined, cause), "unreachable");
  }
}

/** The wait before connecting again, in milliseconds: no option may go beyond gRPC's maximum. */
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
