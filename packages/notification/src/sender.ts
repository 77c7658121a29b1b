import { type Environment, sleep } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Channel, RecipientRefusedError } from "./channel/channel.ts";
import { type Notification, retryDelayMs, type SendOutcome, settle } from "./notification.ts";
import { dueNotifications, nextDueTimeMs, updateNotification } from "./notification-store.ts";

/** How many are taken from the database at a time: what is in memory, and what a crash hands over again at most. */
const batchMax = 100;
/** How long the channel may take over one message. */
const sendTimeoutMs = 15_000;
/** The longest sleep, so that a clock that was set back cannot put the sender to sleep for good. */
const sleepMaxMs = 60_000;

export interface SenderOptions {
  readonly database: Database;
  readonly channel: Channel;
  readonly environment: Environment;
}

/**
 * Hands pending notifications to the channel, one after another, until each is sent or has failed for good. A crash between
 * handing over and writing that down hands the same message over again, under the same key: at least once.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #wake = new AbortController();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that something new is due. */
  wake(): void {
    this.#wake.abort();
  }

  /** Ends after the message under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { database, environment } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      let sleepMs = sleepMaxMs;
      try {
        await this.#sendAll(await dueNotifications(database, { nowMs: environment.clock.now(), limit: batchMax }));
        const next = await nextDueTimeMs(database);
        sleepMs = next === undefined ? sleepMaxMs : Math.min(Math.max(next - environment.clock.now(), 0), sleepMaxMs);
      } catch (error) {
        environment.log.error({ err: error }, "the notifications could not be read; trying again in a minute");
      }
      await sleep(environment.clock, sleepMs, this.#wake.signal).catch(() => {});
    }
  }

  /** Makes one attempt at each, in order. What came of one is written down while the next is handed over, so that writes share commits. */
  async #sendAll(due: readonly Notification[]): Promise<void> {
    const written: Promise<unknown>[] = [];
    for (const notification of due) {
      if (this.#stop.signal.aborted) {
        break;
      }
      const outcome = await this.#handOver(notification);
      const writing = this.#writeDown(notification, outcome);
      // Told below, after the writes that are under way too have ended.
      writing.catch(() => {});
      written.push(writing);
    }
    await Promise.allSettled(written);
    await Promise.all(written);
  }

  /** Makes one attempt and writes down what came of it. */
  async send(notification: Notification): Promise<Notification> {
    return await this.#writeDown(notification, await this.#handOver(notification));
  }

  async #writeDown(notification: Notification, outcome: SendOutcome): Promise<Notification> {
    const { database, environment } = this.#options;
    const settled = settle(notification, outcome);
    const nextAttemptTimeMs = environment.clock.now() + retryDelayMs(settled.attempts, environment.random);
    await database.transaction((transaction) => updateNotification(transaction, settled, { nextAttemptTimeMs }));
    return settled;
  }

  async #handOver({ id, recipient, subject, body, attempts }: Notification): Promise<SendOutcome> {
    const { channel, environment } = this.#options;
    const timeout = new AbortController();
    const cancel = environment.clock.after(sendTimeoutMs, () => timeout.abort(new Error("the channel took too long")));
    try {
      await channel.send({ key: id, recipient, subject, body }, timeout.signal);
      return { kind: "sent", timeMs: environment.clock.now() };
    } catch (error) {
      const final = error instanceof RecipientRefusedError;
      environment.log.warn({ err: error, notificationId: id, attempts: attempts + 1, final }, "notification not sent");
      return { kind: "failed", final };
    } finally {
      cancel();
    }
  }
}
