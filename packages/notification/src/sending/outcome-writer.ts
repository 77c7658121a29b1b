import type { Environment } from "@parley/rpc";
import { type Database, databaseTime } from "@parley/store";
import { type Notification, NotificationState, retryDelayMs } from "../notification.ts";
import { updateNotifications } from "../notification-store.ts";

/** The time that an outcome may wait to be written with others: a crash would send these messages again. */
const writeDelayMs = 20;
/** The wait after a write failed. */
const retryWriteMs = 1_000;

export interface OutcomeWriterOptions {
  readonly database: Database;
  readonly environment: Pick<Environment, "clock" | "random" | "log">;
  /** Called when a notification is to be retried after this time. */
  readonly onRetry: (delayMs: number) => void;
  /** Called when outcomes are durable. */
  readonly onWritten: (ids: readonly string[]) => void;
}

/**
 * Writes outcomes of attempts, many at a time. An outcome that could not be written stays in memory and is written again, so that a full disk does
 * not cause sent messages to be sent twice.
 */
export class OutcomeWriter {
  readonly #options: OutcomeWriterOptions;
  readonly #unwritten = new Map<string, Notification>();
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: OutcomeWriterOptions) {
    this.#options = options;
  }

  /** Outcomes that are not durable yet. */
  get size(): number {
    return this.#unwritten.size;
  }

  has(id: string): boolean {
    return this.#unwritten.has(id);
  }

  /** Adds a notification after an attempt. It is written soon. */
  add(settled: Notification): void {
    this.#unwritten.set(settled.id, settled);
    this.#writeAfter(writeDelayMs);
  }

  /** Writes the outcomes. Rejects if the write fails; the write is then retried later. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const writing = this.#writing.then(() => this.#write());
    this.#writing = writing.catch(() => {});
    await writing;
  }

  /** Stops the retries. Unwritten outcomes are lost. */
  async close(): Promise<void> {
    await this.flush().catch((error: unknown) => this.#logFailure(error));
    this.#cancelTimer?.();
  }

  #writeAfter(delayMs: number): void {
    this.#cancelTimer ??= this.#options.environment.clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      this.flush().catch((error: unknown) => {
        this.#logFailure(error);
        this.#writeAfter(retryWriteMs);
      });
    });
  }

  #logFailure(error: unknown): void {
    const { log } = this.#options.environment;
    log.error({ err: error, notifications: this.#unwritten.size }, "outcomes of notifications could not be written");
  }

  async #write(): Promise<void> {
    const { database, environment, onRetry, onWritten } = this.#options;
    const settled = [...this.#unwritten.values()];
    if (settled.length === 0) {
      return;
    }
    // Each retry has its own delay.
    const alike = Map.groupBy(settled, ({ id, state, attempts, sendTimeMs }) =>
      state === NotificationState.SENT ? `${attempts} ${sendTimeMs}` : id,
    );
    const groups = [...alike.values()].map((some) => ({
      some,
      delayMs: retryDelayMs(some[0]?.attempts ?? 1, environment.random),
      isRetried: some[0]?.state === NotificationState.PENDING,
    }));
    await database.transaction(async (transaction) => {
      // The due time of a settled notification is never compared, so the database's time is read only for retries.
      const isTimed = groups.some(({ isRetried }) => isRetried);
      const nowMs = isTimed ? await databaseTime(transaction, environment.clock) : environment.clock.now();
      for (const { some, delayMs } of groups) {
        await updateNotifications(transaction, some, { nextAttemptTimeMs: nowMs + delayMs });
      }
    });
    for (const { id } of settled) {
      this.#unwritten.delete(id);
    }
    for (const { delayMs, isRetried } of groups) {
      if (isRetried) {
        onRetry(delayMs);
      }
    }
    onWritten(settled.map(({ id }) => id));
  }
}
