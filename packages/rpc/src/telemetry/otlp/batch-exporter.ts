import type { Clock } from "../../environment/clock.ts";
import { sleep } from "../../environment/clock.ts";
import type { ExportMetrics } from "./export-metrics.ts";
import type { SendOutcome } from "./otlp-client.ts";
import type { BatchConfig } from "./otlp-config.ts";

export interface BatchExporterOptions<T> extends BatchConfig {
  readonly clock: Clock;
  readonly random: () => number;
  /** Encodes an export request. */
  readonly encode: (batch: readonly T[]) => Uint8Array;
  readonly send: (message: Uint8Array, signal: AbortSignal) => Promise<SendOutcome>;
  /** How many items of a batch the collector rejected, from its response. */
  readonly rejected: (body: Uint8Array) => number;
  readonly metrics: ExportMetrics;
  /** Called with the cause when exporting starts to fail, and with undefined when it works again. */
  readonly onTrouble: (cause: string | undefined) => void;
}

/** The maximum number of attempts for a batch. With the delays between them they cover half a minute, enough for a restart of the collector. */
const triesMax = 5;
const firstWaitMs = 1_000;
const longestWaitMs = 15_000;

/**
 * Queues items and exports them in batches, one request at a time. `add` never waits and never fails: while the collector is unavailable the queue
 * fills, and further items are dropped and counted.
 */
export class BatchExporter<T> {
  readonly #options: BatchExporterOptions<T>;
  readonly #closing = new AbortController();
  #queue: T[] = [];
  #scheduled: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  #inTrouble = false;
  #isClosing = false;

  constructor(options: BatchExporterOptions<T>) {
    this.#options = options;
  }

  add(item: T): void {
    const { queueLengthMax, batchLengthMax, metrics } = this.#options;
    if (this.#queue.length >= queueLengthMax) {
      metrics.dropped("queue-full", 1);
      return;
    }
    this.#queue.push(item);
    if (this.#sending !== undefined) {
      return;
    }
    if (this.#queue.length === batchLengthMax) {
      this.#scheduled?.();
      // Deferred, because `add` runs in the middle of a call.
      this.#scheduled = this.#options.clock.after(0, this.#begin);
    } else {
      this.#scheduled ??= this.#options.clock.after(this.#options.delayMs, this.#begin);
    }
  }

  /** Exports the queue once, for at most `timeoutMs`. Nothing is exported afterwards. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    const cancel = this.#options.clock.after(timeoutMs, () => this.#closing.abort());
    this.#begin();
    await this.#sending;
    cancel();
    this.#closing.abort();
    if (this.#queue.length > 0) {
      this.#options.metrics.dropped("closed", this.#queue.length);
      this.#queue = [];
    }
  }

  readonly #begin = (): void => {
    this.#scheduled?.();
    this.#scheduled = undefined;
    this.#sending ??= this.#run().finally(() => {
      this.#sending = undefined;
      if (this.#queue.length > 0 && !this.#isClosing) {
        this.#scheduled ??= this.#options.clock.after(this.#options.delayMs, this.#begin);
      }
    });
  };

  /** Exports all full batches, and then a last partial one. */
  async #run(): Promise<void> {
    const { batchLengthMax } = this.#options;
    do {
      const batch = this.#queue.slice(0, batchLengthMax);
      this.#queue = this.#queue.slice(batchLengthMax);
      if (batch.length > 0) {
        await this.#sendBatch(batch);
      }
    } while (this.#queue.length >= (this.#isClosing ? 1 : batchLengthMax) && !this.#closing.signal.aborted);
  }

  async #sendBatch(batch: readonly T[]): Promise<void> {
    const { encode, send, rejected, metrics, clock, random } = this.#options;
    const { signal } = this.#closing;
    let message: Uint8Array;
    try {
      message = encode(batch);
    } catch (error) {
      this.#trouble(error instanceof Error ? error.message : String(error));
      metrics.dropped("not-encoded", batch.length);
      return;
    }
    for (let tries = 1; ; tries++) {
      const outcome = await send(message, signal);
      if (outcome.kind === "sent") {
        const refused = Math.min(batch.length, rejected(outcome.body));
        metrics.exported(batch.length - refused);
        metrics.dropped("rejected", refused);
        this.#trouble(undefined);
        return;
      }
      this.#trouble(outcome.cause);
      if (outcome.kind === "refused" || tries >= triesMax || this.#isClosing) {
        metrics.dropped(outcome.kind === "refused" ? "refused" : "unreachable", batch.length);
        return;
      }
      const backoffMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (tries - 1)) * (0.8 + 0.4 * random());
      await sleep(clock, Math.min(longestWaitMs, outcome.afterMs ?? backoffMs), signal).catch(() => {});
    }
  }

  /** Reports a failure once when it begins, and once when it ends. */
  #trouble(cause: string | undefined): void {
    if ((cause !== undefined) !== this.#inTrouble) {
      this.#inTrouble = cause !== undefined;
      this.#options.onTrouble(cause);
    }
  }
}
