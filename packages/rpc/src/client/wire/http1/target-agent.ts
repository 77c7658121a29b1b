import { Agent, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../../../environment/clock.ts";
import { openSocket, type TlsOptions } from "../../connection/open-socket.ts";
import { raceEndpoints } from "../../connection/race-endpoints.ts";
import type { Target } from "../../connection/target.ts";

/** How many connections one client holds to one target over HTTP/1.1, where each carries one call at a time. */
const socketsMax = 256;
/** How long connecting to one address may take. */
const connectTimeoutMs = 5000;

/** Connections over HTTP/1.1 to whichever of a target's addresses answers first, kept for the next call; TLS included. */
export class TargetAgent extends Agent {
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #tls: TlsOptions | undefined;
  readonly #closed = new AbortController();

  constructor(target: Target, { clock, tls }: { readonly clock: Clock; readonly tls?: TlsOptions | undefined }) {
    super({ keepAlive: true, maxSockets: socketsMax });
    this.#target = target;
    this.#clock = clock;
    this.#tls = tls;
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
    const [target, clock, tls] = [this.#target, this.#clock, this.#tls];
    return raceEndpoints(await target.resolve(), {
      open: (endpoint, signal) =>
        openSocket(endpoint, { target, clock, protocol: "http/1.1", tls, timeoutMs: connectTimeoutMs, signal }),
      discard: (socket) => socket.destroy(),
      clock,
      signal: this.#closed.signal,
    });
  }
}
