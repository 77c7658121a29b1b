import type { Socket } from "node:net";
import { addressGroup } from "../../call/address-group.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { ConnectionRate } from "./connection-rate.ts";
import type { ConnectionRefusal } from "./refusing/connection-refusals.ts";

export interface ConnectionGateOptions {
  readonly limits: Pick<
    ServerLimits,
    "connectionsMax" | "connectionsPerAddressMax" | "connectionsPerAddressPerSecondMax"
  >;
  /** Whether this is the address of a trusted proxy. The limits for an address do not apply to it. */
  readonly isTrusted?: ((address: string) => boolean) | undefined;
  /** Closes an idle connection. False if there is none. */
  readonly closeIdle: () => boolean;
  /** Counts and logs a closed connection. */
  readonly onRefused: (refusal: ConnectionRefusal, address: string) => void;
}

/** Limits the open connections of a server, in total and by address group. */
export class ConnectionGate {
  readonly #options: ConnectionGateOptions;
  readonly #connections = new Set<Socket>();
  readonly #groups = new Map<string, AddressConnections>();
  /** Connections without a request so far, the oldest first. */
  readonly #silent = new Set<Socket>();
  readonly #groupOf = new WeakMap<Socket, AddressConnections>();

  readonly #rate: ConnectionRate;

  constructor(options: ConnectionGateOptions) {
    this.#options = options;
    this.#rate = new ConnectionRate(options.limits.connectionsPerAddressPerSecondMax);
  }

  get size(): number {
    return this.#connections.size;
  }

  [Symbol.iterator](): Iterator<Socket> {
    return this.#connections[Symbol.iterator]();
  }

  /**
   * Admits a new connection; false if it was closed instead. An address above its rate limit is refused. At the limit for an address group
   * it evicts the oldest connection of the group without a request. At the limit for the server it evicts the oldest of all connections
   * without a request, or else an idle one. Without a connection to evict, the new one is refused.
   */
  admit(socket: Socket): boolean {
    const { limits, isTrusted, closeIdle, onRefused } = this.#options;
    const address = socket.remoteAddress ?? "unknown";
    const name = addressGroup(address);
    const isTrustedAddress = isTrusted?.(address) === true;
    if (!isTrustedAddress && this.#rate.exceeds(name, performance.now())) {
      onRefused("connections_per_address_per_second_max", address);
      // RST leaves no TIME-WAIT state on this side.
      socket.resetAndDestroy();
      return false;
    }
    const group = this.#group(name);
    if (group.size >= limits.connectionsPerAddressMax && !isTrustedAddress && !this.#evict(group.silent)) {
      onRefused("connections_per_address_max", address);
      socket.destroy();
      return false;
    }
    if (this.#connections.size >= limits.connectionsMax && !this.#evict(this.#silent)) {
      if (!closeIdle()) {
        onRefused("connections_max", address);
        socket.destroy();
        return false;
      }
      onRefused("evicted_idle", address);
    }
    this.#add(socket, group);
    return true;
  }

  /** The connection has received a request: it is no longer evicted first. */
  markActive(socket: Socket): void {
    if (this.#silent.delete(socket)) {
      this.#groupOf.get(socket)?.silent.delete(socket);
    }
  }

  #group(name: string): AddressConnections {
    return this.#groups.get(name) ?? { name, size: 0, silent: new Set() };
  }

  #evict(silent: ReadonlySet<Socket>): boolean {
    for (const oldest of silent) {
      this.#options.onRefused("evicted_silent", oldest.remoteAddress ?? "unknown");
      this.#remove(oldest);
      oldest.destroy();
      return true;
    }
    return false;
  }

  #add(socket: Socket, group: AddressConnections): void {
    group.size++;
    group.silent.add(socket);
    this.#groups.set(group.name, group);
    this.#groupOf.set(socket, group);
    this.#connections.add(socket);
    this.#silent.add(socket);
    socket.once("close", () => this.#remove(socket));
  }

  #remove(socket: Socket): void {
    const group = this.#groupOf.get(socket);
    if (group === undefined || !this.#connections.delete(socket)) {
      return;
    }
    this.markActive(socket);
    group.size--;
    if (group.size === 0) {
      this.#groups.delete(group.name);
    }
  }
}

interface AddressConnections {
  readonly name: string;
  size: number;
  readonly silent: Set<Socket>;
}
