import { createWakeUp, type WakeUp } from "@parley/events";
import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Channel, RecipientRefusedError } from "./channel/channel.ts";
import { type Notification, retryDelayMs, type SendOutcome, settle } from "./notification.ts";
import { dueNotifications, nextDueTimeMs, updateNotification } from "./notification-store.ts";

/** How many are taken from the database at a time: what is in memory, and what a crash hands over again at most. */
const batchMax = 100;
/** How long the channel may take over one message. */
const sendTimeoutMs = 15_000;
/** How long what came of an attempt may wait to be written down together with others: a crash would hand these over again. */
const writeDelayMs = 20;
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
  readonly #wakeUp: WakeUp;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#wakeUp = createWakeUp(options.environment.clock);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that something new is due. */
  wake(): void {
    this.#wakeUp.wake();
  }

  /** Ends after the message under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.close();
    await this.#running;
  }

  /** Makes one attempt and writes down what came of it. */
  async send(notification: Notification): Promise<Notification> {
    const settled = settle(notification, await this.#handOver(notification));
    await this.#writeDown([settled]);
    return settled;
  }

  async #run(): Promise<void> {
    const { database, environment } = this.#options;
    while (!this.#stopping) {
      this.#wakeUp.reset();
      let sleepMs = sleepMaxMs;
      try {
        await this.#sendAll(await dueNotifications(database, { nowMs: environment.clock.now(), limit: batchMax }));
        const next = await nextDueTimeMs(database);
        sleepMs = next === undefined ? sleepMaxMs : Math.min(Math.max(next - environment.clock.now(), 0), sleepMaxMs);
      } catch (error) {
        environment.log.error({ err: error }, "the notifications could not be read; trying again in a minute");
      }
      await this.#wakeUp.wait(sleepMs);
    }
  }

  /** Makes one attempt at each, in order. What came of some is written down while the next are handed over. */
  async #sendAll(due: readonly Notification[]): Promise<void> {
    const { clock } = this.#options.environment;
    const written: Promise<void>[] = [];
    let unwritten: Notification[] = [];
    let writtenAtMs = clock.monotonic();

    const write = () => {
      const writing = this.#writeDown(unwritten);
      // Told below, after the writes that are under way too have ended.
      writing.catch(() => {});
      written.push(writing);
      unwritten = [];
      writtenAtMs = clock.monotonic();
    };

    for (const notification of due) {
      if (this.#stopping) {
        break;
      }
      unwritten.push(settle(notification, await this.#handOver(notification)));
      if (clock.monotonic() - writtenAtMs >= writeDelayMs) {
        write();
      }
    }
    write();
    await Promise.allSettled(written);
    await Promise.all(written);
  }

  async #writeDown(settled: readonly Notification[]): Promise<void> {
    const { database, environment } = this.#options;
    if (settled.length === 0) {
      return;
    }
    const nowMs = environment.clock.now();
    await database.transaction(async (transaction) => {
      for (const notification of settled) {
        const nextAttemptTimeMs = nowMs + retryDelayMs(notification.attempts, environment.random);
        await updateNotification(transaction, notification, { nextAttemptTimeMs });
      }
    });
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
