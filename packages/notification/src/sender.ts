import { createWakeUp, type WakeUp } from "@parley/events";
import type { Environment } from "@parley/rpc";
import type { Database } from "@parley/store";
import { type Channel, type OutgoingMessage, RecipientRefusedError } from "./channel/channel.ts";
import { DueNotifications } from "./due-notifications.ts";
import { type Notification, NotificationState, retryDelayMs, type SendOutcome, settle } from "./notification.ts";
import { updateNotifications } from "./notification-store.ts";

/** How long the channel may take over one message. */
const sendTimeoutMs = 15_000;
/** How long what came of an attempt may wait to be written down together with others: a crash would hand these over again. */
const writeDelayMs = 20;
export interface SenderOptions {
  readonly database: Database;
  readonly channel: Channel;
  readonly environment: Environment;
}

/**
 * Hands notifications to the channel: at once, as they are written down, where the channel waits for nobody, and otherwise one after
 * another, until each is sent or has failed for good. A crash between handing over and writing that down hands the same message over
 * again, under the same key: at least once.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #wakeUp: WakeUp;
  readonly #due: DueNotifications;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { database, environment } = options;
    this.#wakeUp = createWakeUp(environment.clock);
    this.#due = new DueNotifications({ database, clock: environment.clock });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends a new notification if the channel waits for nobody, and answers it as sent. Otherwise, or if that failed, it stays as it is, to be handed over once it is durable. */
  readonly sendAtOnce = (notification: Notification): Notification => {
    const { channel, environment } = this.#options;
    if (channel.sendAtOnce === undefined) {
      return notification;
    }
    try {
      channel.sendAtOnce(messageOf(notification));
      return settle(notification, { kind: "sent", timeMs: environment.clock.now() });
    } catch (error) {
      environment.log.warn({ err: error, notificationId: notification.id }, "notification not sent at once");
      return notification;
    }
  };

  /** Takes in notifications that have just been written. Those that are not sent yet are due at once. */
  handOver(written: readonly Notification[]): void {
    const pending = written.filter(({ state }) => state === NotificationState.PENDING);
    if (pending.length > 0) {
      this.#due.handOver(pending);
      this.#wakeUp.wake();
    }
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
    const { log } = this.#options.environment;
    while (!this.#stopping) {
      this.#wakeUp.reset();
      try {
        await this.#sendAll(await this.#due.take());
      } catch (error) {
        log.error({ err: error }, "what is to be sent could not be read or noted; trying again in a minute");
      }
      const waitMs = this.#due.waitMs();
      if (waitMs > 0) {
        await this.#wakeUp.wait(waitMs);
      }
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
    // Those that are tried again are spread over time, each by itself.
    const alike = Map.groupBy(settled, ({ id, state, attempts, sendTimeMs }) =>
      state === NotificationState.PENDING ? id : `${state} ${attempts} ${sendTimeMs}`,
    );
    await database.transaction(async (transaction) => {
      for (const some of alike.values()) {
        const delayMs = retryDelayMs(some[0]?.attempts ?? 1, environment.random);
        await updateNotifications(transaction, some, { nextAttemptTimeMs: nowMs + delayMs });
        if (some[0]?.state === NotificationState.PENDING) {
          transaction.onCommit(() => this.#due.readAfter(delayMs));
        }
      }
    });
  }

  async #handOver(notification: Notification): Promise<SendOutcome> {
    const { channel, environment } = this.#options;
    const timeout = new AbortController();
    const cancel = environment.clock.after(sendTimeoutMs, () => timeout.abort(new Error("the channel took too long")));
    try {
      await channel.send(messageOf(notification), timeout.signal);
      return { kind: "sent", timeMs: environment.clock.now() };
    } catch (error) {
      const final = error instanceof RecipientRefusedError;
      const { id: notificationId, attempts } = notification;
      environment.log.warn({ err: error, notificationId, attempts: attempts + 1, final }, "notification not sent");
      return { kind: "failed", final };
    } finally {
      cancel();
    }
  }
}

function messageOf({ id: key, recipient, subject, body }: Notification): OutgoingMessage {
  return { key, recipient, subject, body };
}
