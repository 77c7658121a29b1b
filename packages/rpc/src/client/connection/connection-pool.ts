import type { Clock } from "../../environment/clock.ts";
import { Channel, type ChannelOptions } from "./channel.ts";

/** The connections of a process: clients of the same target, and of the same way to connect to it, share them. */
export class ConnectionPool {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #channels = new Map<string, Channel>();

  constructor({ clock, random }: { readonly clock: Clock; readonly random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  /** The way to a target. Throws a `TypeError` where it is not a target. */
  channel(target: string, options: ChannelOptions = {}): Channel {
    const key = JSON.stringify([target, options]);
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = new Channel(target, this.#clock, this.#random, options);
      this.#channels.set(key, channel);
    }
    return channel;
  }

  /** Ends all connections once their calls have ended. What waits for one fails. */
  close(): void {
    for (const channel of this.#channels.values()) {
      channel.close();
    }
    this.#channels.clear();
  }
}

const pools = new WeakMap<Clock, ConnectionPool>();

/** The pool that clients share unless they are given one of their own. */
export function sharedPool(environment: { readonly clock: Clock; readonly random: () => number }): ConnectionPool {
  let pool = pools.get(environment.clock);
  if (pool === undefined) {
    pool = new ConnectionPool(environment);
    pools.set(environment.clock, pool);
  }
  return pool;
}
