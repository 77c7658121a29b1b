import { Agent, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../../environment/clock.ts";
import type { Channel } from "../../connection/channel.ts";
import { clientTurns } from "../../connection/client-turns.ts";
import { openSocket } from "../../connection/open-socket.ts";
import { raceEndpoints } from "../../connection/race-endpoints.ts";
import type { Endpoint } from "../../connection/resolution/endpoint.ts";
import { paceReads } from "./http1-client-reads.ts";

/** The most connections of one client to one target over HTTP/1.1, where each carries one call at a time. */
const socketsMax = 256;
/** The time limit for connecting to one address. */
const connectTimeoutMs = 5000;

/** The most addresses tried for one connection. */
const endpointsMax = 16;

/**
 * Connections over HTTP/1.1 to the first of a target's addresses that answers, reused for later calls; TLS included. With balancing, each
 * connection begins with the next address.
 */
export class TargetAgent extends Agent {
  readonly #channel: Pick<Channel, "target" | "tls" | "isBalanced">;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #connections = 0;

  constructor(channel: Pick<Channel, "target" | "tls" | "isBalanced">, clock: Clock) {
    super({ keepAlive: true, maxSockets: socketsMax });
    this.#channel = channel;
    this.#clock = clock;
  }

  override createConnection(
    _options: ClientRequestArgs,
    callback: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#connect().then(
      (socket) => callback(null, socket),
      (error) => callback(error, undefined as unknown as Duplex),
    );
  }

  override destroy(): void {
    this.#closed.abort();
    super.destroy();
  }

  async #connect(): Promise<Duplex> {
    const clock = this.#clock;
    const { target } = this.#channel;
    const tls = await this.#channel.tls?.current();
    const socket = await raceEndpoints(this.#inTurn((await target.resolve(clock)).endpoints).slice(0, endpointsMax), {
      open: (endpoint, signal) =>
        openSocket(endpoint, { target, clock, protocol: "http/1.1", tls, timeoutMs: connectTimeoutMs, signal }),
      discard: (socket) => socket.destroy(),
      clock,
      signal: this.#closed.signal,
    });
    paceReads(socket, clientTurns);
    return socket;
  }

  #inTurn(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    const first = this.#channel.isBalanced ? this.#connections++ % endpoints.length : 0;
    return [...endpoints.slice(first), ...endpoints.slice(0, first)];
  }
}
