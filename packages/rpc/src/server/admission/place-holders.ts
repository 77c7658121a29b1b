import { addressGroup, locallyForwarded } from "../../call/address-group.ts";
import type { TrustedConnections } from "../http/trusted-connections.ts";
import type { AdmittedCall } from "./admitted-call.ts";
import type { PlaceHolder, PlaceHolders } from "./place-budget.ts";

export interface HolderTableOptions {
  /** Whether `x-forwarded-for` from loopback addresses names the caller. A gateway without authentication sends it. */
  readonly trustsForwarded: boolean;
  /** Receives the connections that carry calls of many callers. */
  readonly trusted?: TrustedConnections | undefined;
}

/** Maps a call to the holders of its place: its connection and its caller. Each budget has one table. */
export class HolderTable {
  readonly #connections = new WeakMap<object, ConnectionHolder>();
  readonly #callers = new Map<string, PlaceHolder>();
  readonly #trustsForwarded: boolean;
  readonly #trusted: TrustedConnections | undefined;

  constructor({ trustsForwarded, trusted }: HolderTableOptions) {
    this.#trustsForwarded = trustsForwarded;
    this.#trusted = trusted;
  }

  /**
   * The caller is the authenticated user, or without one the client's IPv4 address or IPv6 /64 prefix. An authenticated service of the
   * platform has no share limit, neither as a caller nor for its connection. The limit applies to the users that it calls for.
   */
  of({ caller, forwardedFor, incoming }: AdmittedCall): PlaceHolders {
    const user = caller?.kind === "service" ? caller.onBehalfOf : caller;
    if (caller?.kind === "service" || forwardedFor !== undefined) {
      this.#trust(incoming);
      const key = user === undefined ? forwardedFor && addressGroup(forwardedFor) : `${user.kind}:${user.id}`;
      return { connection: undefined, caller: key === undefined ? undefined : this.#caller(key) };
    }
    const own = this.#connection(incoming);
    if (user !== undefined) {
      const holders = { connection: own.connection, caller: this.#caller(`${user.kind}:${user.id}`) };
      if (own instanceof ConnectionHolder) {
        own.setUser(incoming.header("authorization"), holders);
      }
      return holders;
    }
    const header = this.#trustsForwarded ? incoming.header("x-forwarded-for") : undefined;
    const forwarded = locallyForwarded(incoming.peer, header);
    if (forwarded === undefined) {
      return own;
    }
    this.#trust(incoming);
    return { connection: own.connection, caller: this.#caller(forwarded) };
  }

  /**
   * The holders of a call from its connection alone, before the caller is known. Undefined if the connection had no call of its own yet, or carries
   * calls of many callers.
   */
  ofConnection(connection: object): PlaceHolders | undefined {
    return this.#connections.get(connection);
  }

  /** The holders of a call with this `authorization` header, if the last call of a user on the connection had the same and was authenticated. */
  ofUser(connection: object, authorization: string): PlaceHolders | undefined {
    return this.#connections.get(connection)?.ofUser(authorization);
  }

  #trust({ connection }: AdmittedCall["incoming"]): void {
    if (connection !== undefined) {
      this.#trusted?.trust(connection);
    }
  }

  /** The result is cached for each connection: all its calls come from one address. */
  #connection({ connection, peer }: AdmittedCall["incoming"]): PlaceHolders {
    if (connection === undefined) {
      return { connection: undefined, caller: this.#caller(addressGroup(peer)) };
    }
    let holder = this.#connections.get(connection);
    if (holder === undefined) {
      holder = new ConnectionHolder(this.#caller(addressGroup(peer)));
      this.#connections.set(connection, holder);
    }
    return holder;
  }

  #caller(key: string): PlaceHolder {
    let holder = this.#callers.get(key);
    if (holder === undefined) {
      this.#forgetIdle();
      holder = { taken: 0 };
      this.#callers.set(key, holder);
    }
    return holder;
  }

  #forgetIdle(): void {
    if (this.#callers.size < callersMax) {
      return;
    }
    for (const [key, { taken }] of this.#callers) {
      if (taken === 0) {
        this.#callers.delete(key);
      }
    }
  }
}

/** A connection. Its peer address is the caller. */
class ConnectionHolder implements PlaceHolder, PlaceHolders {
  taken = 0;
  readonly connection = this;
  readonly caller: PlaceHolder;

  #authorization: string | undefined;
  #user: PlaceHolders | undefined;

  constructor(caller: PlaceHolder) {
    this.caller = caller;
  }

  setUser(authorization: string | undefined, holders: PlaceHolders): void {
    this.#authorization = authorization;
    this.#user = holders;
  }

  ofUser(authorization: string): PlaceHolders | undefined {
    return this.#authorization === authorization ? this.#user : undefined;
  }
}

/** Above this number, callers without places are removed from the table. */
const callersMax = 10_000;
