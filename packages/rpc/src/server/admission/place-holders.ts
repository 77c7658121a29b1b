import { addressGroup } from "../../call/address-group.ts";
import type { TrustedConnections } from "../http/trusted-connections.ts";
import type { AdmittedCall } from "./admitted-call.ts";
import type { PlaceHolder, PlaceHolders } from "./place-budget.ts";

export interface HolderTableOptions {
  /** Whether programs on this machine say by `x-forwarded-for` for whom they call, as a gateway without sign-in does. */
  readonly believesForwarded: boolean;
  /** Where connections are noted that bring the calls of many callers. */
  readonly trusted?: TrustedConnections | undefined;
}

/** Finds who holds the place that a call takes: its connection and its caller. One for each budget. */
export class HolderTable {
  readonly #connections = new WeakMap<object, ConnectionHolder>();
  readonly #callers = new Map<string, PlaceHolder>();
  readonly #believesForwarded: boolean;
  readonly #trusted: TrustedConnections | undefined;

  constructor({ believesForwarded, trusted }: HolderTableOptions) {
    this.#believesForwarded = believesForwarded;
    this.#trusted = trusted;
  }

  /**
   * A caller is the user who is signed in, or else the address that the call came from, of IPv6 its first 64 bits. A service of the
   * platform that proved itself is held to no share, neither as a caller nor as a connection: the users that it calls for are.
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
      return { connection: own.connection, caller: this.#caller(`${user.kind}:${user.id}`) };
    }
    const forwarded = this.#believesForwarded ? lastForwarded(incoming) : undefined;
    if (forwarded === undefined) {
      return own;
    }
    this.#trust(incoming);
    return { connection: own.connection, caller: this.#caller(addressGroup(forwarded)) };
  }

  #trust({ connection }: AdmittedCall["incoming"]): void {
    if (connection !== undefined) {
      this.#trusted?.trust(connection);
    }
  }

  /** Looked up once a connection: nearly all calls of one are by the same address. */
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

function lastForwarded(incoming: AdmittedCall["incoming"]): string | undefined {
  if (!loopback.test(incoming.peer)) {
    return undefined;
  }
  const address = incoming.header("x-forwarded-for")?.split(",").at(-1)?.trim().slice(0, addressCharsMax);
  return address === "" ? undefined : address;
}

const loopback = /^(?:::ffff:)?127\.|^::1$/;

/** The longest textual IPv6 address, with a zone. */
const addressCharsMax = 64;

/** A connection, with the address that it comes from as its caller. */
class ConnectionHolder implements PlaceHolder, PlaceHolders {
  taken = 0;
  readonly connection = this;
  readonly caller: PlaceHolder;

  constructor(caller: PlaceHolder) {
    this.caller = caller;
  }
}

/** Callers remembered at once; beyond that those that hold nothing are forgotten. */
const callersMax = 10_000;
