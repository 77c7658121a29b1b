import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";
import type { Environment } from "../../environment/environment.ts";
import { valueFamily } from "../../telemetry/metric-family.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

/** A request's body, or the beginning of a message, that is held until the rest of it has come. */
export interface UnfinishedBody {
  /** Refuses its call, which is to free its bytes. They count no longer. `reason` makes RESOURCE_EXHAUSTED, which names the limit. */
  evict(reason: () => ConnectError): void;
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
  readonly #processFull: () => ConnectError;
  readonly #connectionFull: () => ConnectError;

  /** The largest request fits in any case. */
  constructor(
    limits: Pick<
      ServerLimits,
      "requestBytesMax" | "bufferedRequestBytesMax" | "bufferedRequestBytesPerConnectionMax" | "shedRetryAfterMs"
    >,
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
    const processBytesMax = Math.max(limits.bufferedRequestBytesMax, largest);
    this.#process = new BufferBudget(processBytesMax, held.series({}));
    const full = (setting: string, bytesMax: number) => () => tooMuchHeld(setting, bytesMax, limits.shedRetryAfterMs);
    this.#processFull = full("BUFFERED_REQUEST_BYTES_MAX", processBytesMax);
    this.#connectionFull = full("BUFFERED_REQUEST_BYTES_PER_CONNECTION_MAX", this.#connectionBytesMax);
    this.#refusals = refused.series({ direction: "request" });
  }

  /** The bodies of one connection. */
  connection(): ConnectionBodies {
    return new ConnectionBodies(this.#process, {
      bytesMax: this.#connectionBytesMax,
      refusals: this.#refusals,
      full: this.#connectionFull,
      processFull: this.#processFull,
    });
  }
}

/** What the envelope around the largest message, and a window that is still open, take at most. */
const framingBytes = 65_536;

function tooMuchHeld(setting: string, bytesMax: number, retryAfterMs: number): ConnectError {
  const message = `Too many bytes of unfinished requests are held (${setting}=${bytesMax}). Finish or cancel some, and try again in ${retryAfterMs} ms.`;
  const metadata = { limit: setting, max: String(bytesMax) };
  return reasonError(Code.ResourceExhausted, { reason: "OVERLOADED", message, metadata, retryAfterMs });
}

interface Body {
  readonly body: UnfinishedBody;
  readonly holder: BufferHolder;
  bytes: number;
  waits: boolean;
}

interface ConnectionBodiesOptions {
  readonly bytesMax: number;
  readonly refusals: { value: number };
  /** The error of what is refused at the connection's limit, and at that of the process. */
  readonly full: () => ConnectError;
  readonly processFull: () => ConnectError;
}

/** Those of one connection. Where they are many, the oldest go on and the others wait; where they are too many, the newest are refused. */
export class ConnectionBodies {
  readonly #process: BufferBudget;
  readonly #options: ConnectionBodiesOptions;
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #bodies = new Map<UnfinishedBody, Body>();
  #bytes = 0;
  #waiting = 0;

  constructor(process: BufferBudget, options: ConnectionBodiesOptions) {
    this.#process = process;
    this.#options = options;
    this.#bytesMax = options.bytesMax;
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
      this.#refuse(entry, this.#options.full);
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

  #refuse(entry: Body, reason: () => ConnectError): void {
    this.#options.refusals.value++;
    this.#release(entry.body);
    entry.body.evict(reason);
  }

  #evicted(body: UnfinishedBody): void {
    const entry = this.#bodies.get(body);
    if (entry !== undefined) {
      this.#refuse(entry, this.#options.processFull);
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
