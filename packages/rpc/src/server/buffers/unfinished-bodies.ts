import type { Environment } from "../../environment/environment.ts";
import { valueFamily } from "../../telemetry/tally.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

/** A request's body, or the beginning of a message, that is held until the rest of it has come. To evict it is to refuse its call. */
export interface UnfinishedBody extends BufferHolder {
  /** Back-pressure: its client may not send on until it is let go on. */
  wait(waits: boolean): void;
}

/** How many bodies of a connection may always go on, the oldest ones: some have to, or none would ever be whole. */
const goOnMin = 4;

/** The budgets for unfinished bodies: for each connection, and for the process. One of these for each server. */
export class UnfinishedBodies {
  readonly #connectionBytesMax: number;
  readonly #process: BufferBudget;
  readonly #refusals: { value: number };

  /** The largest request fits in any case. */
  constructor(
    limits: Pick<ServerLimits, "requestBytesMax" | "bufferedRequestBytesMax" | "bufferedRequestBytesPerConnectionMax">,
    { metrics }: Pick<Environment, "metrics">,
  ) {
    const largest = limits.requestBytesMax + framingBytes;
    const held = valueFamily(metrics, {
      name: "parley_server_buffered_request_bytes",
      help: "Bytes of request bodies, and of the beginnings of messages, that are held until the rest has come.",
      type: "gauge",
    });
    const refused = valueFamily(metrics, {
      name: "parley_server_buffer_refusals_total",
      help: "Calls refused or reset since too many bytes are buffered, by direction.",
      type: "counter",
    });
    // A connection may have a message of the largest size, and as much again.
    this.#connectionBytesMax = Math.max(limits.bufferedRequestBytesPerConnectionMax, largest * 2);
    this.#process = new BufferBudget(Math.max(limits.bufferedRequestBytesMax, largest), held.series({}));
    this.#refusals = refused.series({ direction: "request" });
  }

  /** The bodies of one connection. */
  connection(): ConnectionBodies {
    return new ConnectionBodies(this.#process, { bytesMax: this.#connectionBytesMax, refusals: this.#refusals });
  }
}

/** What the envelope around the largest message, and a window that is still open, take at most. */
const framingBytes = 65_536;

interface Body {
  readonly body: UnfinishedBody;
  readonly holder: BufferHolder;
  bytes: number;
  waits: boolean;
}

/** Those of one connection. Where they are many, the oldest go on and the others wait; where they are too many, the newest are refused. */
export class ConnectionBodies {
  readonly #process: BufferBudget;
  readonly #bytesMax: number;
  readonly #refusals: { value: number };
  /** The oldest first. */
  readonly #bodies = new Map<UnfinishedBody, Body>();
  #bytes = 0;
  #waiting = 0;

  constructor(process: BufferBudget, options: { readonly bytesMax: number; readonly refusals: { value: number } }) {
    this.#process = process;
    this.#bytesMax = options.bytesMax;
    this.#refusals = options.refusals;
  }

  /** So many bytes of the body are held from now on; 0 once it is whole, or gone. May refuse it, or others. */
  hold(body: UnfinishedBody, bytes: number): void {
    if (bytes === 0) {
      this.#release(body);
      return;
    }
    const entry = this.#entry(body);
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    if (this.#bytes > this.#bytesMax) {
      this.#refuse(entry);
      return;
    }
    this.#process.hold(entry.holder, bytes);
    if (!entry.waits && this.#crowded && this.#bodies.has(body) && !this.#isOld(entry)) {
      entry.waits = true;
      this.#waiting++;
      body.wait(true);
    }
  }

  /** The connection is gone, and all its bodies with it. */
  close(): void {
    for (const body of [...this.#bodies.keys()]) {
      this.#release(body);
    }
  }

  get #crowded(): boolean {
    return this.#bytes * 2 > this.#bytesMax;
  }

  #entry(body: UnfinishedBody): Body {
    let entry = this.#bodies.get(body);
    if (entry === undefined) {
      entry = { body, holder: { evict: () => this.#evicted(body) }, bytes: 0, waits: false };
      this.#bodies.set(body, entry);
    }
    return entry;
  }

  #refuse(entry: Body): void {
    this.#refusals.value++;
    this.#release(entry.body);
    entry.body.evict();
  }

  #evicted(body: UnfinishedBody): void {
    const entry = this.#bodies.get(body);
    if (entry !== undefined) {
      this.#refuse(entry);
    }
  }

  #isOld(entry: Body): boolean {
    let older = 0;
    for (const each of this.#bodies.values()) {
      if (each === entry) {
        return true;
      }
      if (++older === goOnMin) {
        return false;
      }
    }
    return false;
  }

  #release(body: UnfinishedBody): void {
    const entry = this.#bodies.get(body);
    if (entry === undefined) {
      return;
    }
    this.#bodies.delete(body);
    this.#bytes -= entry.bytes;
    this.#waiting -= entry.waits ? 1 : 0;
    this.#process.hold(entry.holder, 0);
    this.#letGoOn();
  }

  /** Those that are the oldest now go on, and all the others once there is room. */
  #letGoOn(): void {
    let older = 0;
    for (const entry of this.#bodies.values()) {
      if (this.#waiting === 0 || (this.#crowded && older === goOnMin)) {
        return;
      }
      older++;
      if (entry.waits) {
        entry.waits = false;
        this.#waiting--;
        entry.body.wait(false);
      }
    }
  }
}

/** Whether a body of this type is read message by message, and not collected first. */
export function isStreaming(contentType: string | undefined): boolean {
  return contentType !== undefined && streamingTypes.test(contentType);
}

const streamingTypes = /^application\/(?:grpc|connect\+)/;
