import { Code, ConnectError } from "@connectrpc/connect";
import { markDeliveryStatus } from "../call/attempt-outcome.ts";
import type { ConnectionWaiter } from "./channel.ts";
import type { Connection } from "./client-connection.ts";
import { errorWords } from "./error-words.ts";

/** How many calls may wait, unless an option says otherwise. */
const lengthMaxDefault = 4096;

/** The calls that wait for a connection to a target, first come first served. */
export class WaitingCalls {
  readonly #targetName: string;
  readonly #lengthMax: number;
  readonly #waiting = new Set<ConnectionWaiter>();

  constructor(targetName: string, lengthMax = lengthMaxDefault) {
    this.#targetName = targetName;
    this.#lengthMax = lengthMax;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Lets a call wait. False, and the call has failed with RESOURCE_EXHAUSTED, where too many wait. */
  add(waiter: ConnectionWaiter): boolean {
    if (this.#waiting.size >= this.#lengthMax) {
      const message = `${this.#targetName}: too many calls wait for a connection`;
      waiter.onUnreachable(markDeliveryStatus(new ConnectError(message, Code.ResourceExhausted), "unreachable"));
      return false;
    }
    this.#waiting.add(waiter);
    return true;
  }

  delete(waiter: ConnectionWaiter): void {
    this.#waiting.delete(waiter);
  }

  /** Gives connections to calls for as long as there are some. */
  serve(acquire: () => Connection | undefined): void {
    for (const waiter of this.#waiting) {
      const connection = acquire();
      if (connection === undefined) {
        return;
      }
      this.#waiting.delete(waiter);
      waiter.onConnection(connection);
    }
  }

  /** Fails all of them with UNAVAILABLE. */
  fail(cause: unknown): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const waiter of waiting) {
      waiter.onUnreachable(this.unreachable(cause));
    }
  }

  /** The error of a call for which there is no connection. */
  unreachable(cause: unknown): ConnectError {
    const message = `cannot connect to ${this.#targetName}: ${errorWords(cause)}`;
    return markDeliveryStatus(new ConnectError(message, Code.Unavailable, undefined, undefined, cause), "unreachable");
  }
}
