import { Code, type ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";
import type { Environment } from "../../environment/environment.ts";
import { valueFamily } from "../../telemetry/metric-family.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { BufferBudget, type BufferHolder } from "./buffer-budget.ts";

/** An incomplete request body or message, buffered until the rest has arrived. */
export interface UnfinishedBody {
  /** Refuses the call, which must free its bytes. The budget no longer counts them. `reason` creates RESOURCE_EXHAUSTED with the limit. */
  evict(reason: () => ConnectError): void;
  /** Backpressure: true pauses reading the body, false resumes it. */
  wait(waits: boolean): void;
}

/** The number of oldest bodies of a connection that are never paused, so that some bodies always complete. */
const resumedMin = 4;

/** The budgets for incomplete request bodies: of each connection, and of the process. Each server has one instance. */
export class UnfinishedBodies {
  readonly #connectionBytesMax: number;
  readonly #process: BufferBudget;
  readonly #refusals: { value: number };
  readonly #processFull: () => ConnectError;
  readonly #connectionFull: () => ConnectError;

  /** The budgets are at least large enough for the largest request. */
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
      help: "Bytes of incomplete request bodies and messages in memory.",
      type: "gauge",
    });
    const refused = valueFamily(metrics, {
      name: "parley_server_buffer_refusals_total",
      help: "Calls refused or reset because too many bytes are buffered, by direction.",
      type: "counter",
    });
    // At least two requests of the largest size fit.
    this.#connectionBytesMax = Math.max(limits.bufferedRequestBytesPerConnectionMax, largest * 2);
    const processBytesMax = Math.max(limits.bufferedRequestBytesMax, largest);
    this.#process = new BufferBudget(processBytesMax, held.series({}));
    const full = (setting: string, bytesMax: number) => () => tooMuchHeld(setting, bytesMax, limits.shedRetryAfterMs);
    this.#processFull = full("BUFFERED_REQUEST_BYTES_MAX", processBytesMax);
    this.#connectionFull = full("BUFFERED_REQUEST_BYTES_PER_CONNECTION_MAX", this.#connectionBytesMax);
    this.#refusals = refused.series({ direction: "request" });
  }

  /** Creates the budget of a connection. */
  connection(): ConnectionBodies {
    return new ConnectionBodies(this.#process, {
      bytesMax: this.#connectionBytesMax,
      refusals: this.#refusals,
      full: this.#connectionFull,
      processFull: this.#processFull,
    });
  }
}

/** The maximum of the envelope around the largest message, and of the open receive window. */
const framingBytes = 65_536;

function tooMuchHeld(setting: string, bytesMax: number, retryAfterMs: number): ConnectError {
  const message =
    `Too many bytes of unfinished requests are buffered (${setting}=${bytesMax}). ` +
    `Finish or cancel some, and try again in ${retryAfterMs} ms.`;
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
  /** Create the errors for the limit of the connection and for that of the process. */
  readonly full: () => ConnectError;
  readonly processFull: () => ConnectError;
}

/** The incomplete bodies of one connection. Above half of the limit, only the oldest are read on. A body that exceeds the limit is refused. */
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

  /** Sets the buffered bytes of a body. 0: it is complete, or its call has ended. May refuse it, or others. */
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
    if (!entry.waits && this.#isCrowded && this.#bodies.has(body) && !this.#isOld(entry)) {
      entry.waits = true;
      this.#waiting++;
      body.wait(true);
    }
  }

  /** Releases all bodies. The connection has closed. */
  close(): void {
    for (const body of [...this.#bodies.keys()]) {
      this.#release(body);
    }
  }

  get #isCrowded(): boolean {
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
      if (++older === resumedMin) {
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
    this.#resumeHeld();
  }

  /** Resumes the oldest bodies, and all others once at most half of the limit is used. */
  #resumeHeld(): void {
    let older = 0;
    for (const entry of this.#bodies.values()) {
      if (this.#waiting === 0 || (this.#isCrowded && older === resumedMin)) {
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

/** Whether a body of this type is read message by message, instead of as a whole. */
export function isStreaming(contentType: string | undefined): boolean {
  return contentType !== undefined && streamingTypes.test(contentType);
}

const streamingTypes = /^application\/(?:grpc|connect\+)/;
