import { Code, ConnectError } from "@connectrpc/connect";
import { markDeliveryStatus } from "../call/attempt-outcome.ts";
import type { ConnectionWaiter } from "./channel.ts";
import type { Connection } from "./client-connection.ts";
import { errorWords } from "./error-words.ts";

/** The default of the most waiting calls. */
const lengthMaxDefault = 4096;
/** The longest interval of a timer in Node, in milliseconds. */
const intervalMsMax = 2 ** 31 - 1;

/**
 * The calls that wait for a connection to a target, first come first served. They keep the process alive: idle connections and the runtime's timers
 * do not, and a program may await nothing but its call.
 */
export class WaitingCalls {
  readonly #targetName: string;
  readonly #lengthMax: number;
  readonly #waiting = new Set<ConnectionWaiter>();
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(targetName: string, lengthMax = lengthMaxDefault) {
    this.#targetName = targetName;
    this.#lengthMax = lengthMax;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Queues a call. False, and the call has failed with RESOURCE_EXHAUSTED, if too many wait. */
  add(waiter: ConnectionWaiter): boolean {
    if (this.#waiting.size >= this.#lengthMax) {
      const message = `${this.#targetName}: too many calls wait for a connection`;
      waiter.onUnreachable(markDeliveryStatus(new ConnectError(message, Code.ResourceExhausted), "unreachable"));
      return false;
    }
    this.#waiting.add(waiter);
    this.#keepAlive ??= setInterval(() => {}, intervalMsMax);
    return true;
  }

  delete(waiter: ConnectionWaiter): void {
    this.#waiting.delete(waiter);
    if (this.#waiting.size === 0) {
      clearInterval(this.#keepAlive);
      this.#keepAlive = undefined;
    }
  }

  /** Gives connections to waiting calls while there are some. */
  serve(acquire: () => Connection | undefined): void {
    for (const waiter of this.#waiting) {
      const connection = acquire();
      if (connection === undefined) {
        return;
      }
      this.delete(waiter);
      waiter.onConnection(connection);
    }
  }

  /** Fails all of them with UNAVAILABLE. */
  fail(cause: unknown): void {
    for (const waiter of [...this.#waiting]) {
      this.delete(waiter);
      waiter.onUnreachable(this.unreachable(cause));
    }
  }

  /** The error of a call for which there is no connection. */
  unreachable(cause: unknown): ConnectError {
    const message = `cannot connect to ${this.#targetName}: ${errorWords(cause)}`;
    return markDeliveryStatus(new ConnectError(message, Code.Unavailable, undefined, undefined, cause), "unreachable");
  }
}
