import { BlockList, type Socket, type SocketAddress } from "node:net";
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
  /** The address that {@link refuses} let through last. */
  #checked: string | undefined;

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
   * Whether a new connection of this address is over its rate limit, or over its share with no connection to evict. Counts it. Node asks before it
   * creates a socket ({@link newConnectionCheck}), which takes half of the time of a refusal, and other connections wait for it in the accept queue.
   */
  refuses(address: string): boolean {
    const { limits, isTrusted, onRefused } = this.#options;
    this.#checked = undefined;
    if (isTrusted?.(address) !== true) {
      const name = addressGroup(address);
      if (this.#rate.exceeds(name, performance.now())) {
        onRefused("connections_per_address_per_second_max", address);
        return true;
      }
      const group = this.#groups.get(name);
      if (group !== undefined && group.size >= limits.connectionsPerAddressMax && group.silent.size === 0) {
        onRefused("connections_per_address_max", address);
        return true;
      }
    }
    this.#checked = address;
    return false;
  }

  /**
   * Admits a new connection; false if it was closed instead. An address above its rate limit is refused. At the limit for an address group
   * it evicts the oldest connection of the group without a request. At the limit for the server it evicts the oldest of all connections
   * without a request, or else an idle one. Without a connection to evict, the new one is refused.
   */
  admit(socket: Socket): boolean {
    const { limits, isTrusted, closeIdle, onRefused } = this.#options;
    const address = socket.remoteAddress ?? "unknown";
    // A Node version whose servers have no `blockList` did not ask.
    if (this.#checked !== address && this.refuses(address)) {
      socket.destroy();
      return false;
    }
    this.#checked = undefined;
    const group = this.#group(addressGroup(address));
    if (group.size >= limits.connectionsPerAddressMax && isTrusted?.(address) !== true) {
      this.#evict(group.silent);
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

/**
 * A `blockList` for a server of `node:net` that asks for each new connection whether to close it. Node itself only looks addresses up in its list, so
 * this is a list with a check of its own.
 */
export function newConnectionCheck(refuses: (address: string) => boolean): BlockList {
  return new (class extends BlockList {
    override check(address: string | SocketAddress): boolean {
      return refuses(typeof address === "string" ? address : address.address);
    }
  })();
}

interface AddressConnections {
  readonly name: string;
  size: number;
  readonly silent: Set<Socket>;
}
