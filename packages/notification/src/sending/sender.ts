import { createWakeUp, startPeriodic, type WakeUp } from "@parley/events";
import type { Environment } from "@parley/rpc";
import { type Database, storableText, type Transaction } from "@parley/store";
import {
  type Channel,
  ChannelUnavailableError,
  type OutgoingMessage,
  RecipientRefusedError,
} from "../channel/channel.ts";
import { type Notification, NotificationState, type SendOutcome, settle } from "../notification.ts";
import { ChannelPause } from "./channel-pause.ts";
import { Claims, renewIntervalMs } from "./claims.ts";
import { DueNotifications } from "./due-notifications.ts";
import { OutcomeWriter } from "./outcome-writer.ts";

/** The time that `stop` waits for current attempts before it ends them. */
const stopGraceMs = 5_000;
/** The wait after the database could not be read. */
const readFailedWaitMs = 10_000;
/** The longest interval between two checks. */
const lookAgainMs = 60_000;
/** No message is sent while so many outcomes cannot be written. */
const unwrittenMax = 100;
/** Messages that were sent at once, and whose transaction may still fail. */
const sentAtOnceMax = 10_000;

export interface SenderOptions {
  readonly database: Database;
  readonly channel: Channel;
  readonly environment: Environment;
}

/**
 * Sends notifications: when they are inserted, if the channel sends synchronously, and otherwise as many at a time as
 * the channel accepts, until each is sent or failed. While the channel cannot be used, one message at a time probes it, and these
 * attempts do not count.
 *
 * A process sends a message once, unless an attempt failed. A crash between sending and committing the outcome sends the same
 * message again, under the same key.
 */
export class Sender {
  readonly #options: SenderOptions;
  readonly #wakeUp: WakeUp;
  readonly #due: DueNotifications;
  readonly #claims: Claims;
  readonly #pause: ChannelPause;
  readonly #outcomes: OutcomeWriter;
  readonly #attempts = new Map<string, Promise<unknown>>();
  readonly #aborting = new AbortController();
  readonly #sentAtOnce = new Set<string>();
  #queue: Notification[] = [];
  #stopping = false;
  #running: Promise<void> | undefined;
  #stopRenewing: (() => Promise<void>) | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    const { database, environment } = options;
    this.#wakeUp = createWakeUp(environment.clock);
    this.#claims = new Claims({ database, clock: environment.clock });
    this.#due = new DueNotifications({ database, clock: environment.clock, claims: this.#claims });
    this.#pause = new ChannelPause(environment);
    this.#outcomes = new OutcomeWriter({
      database,
      environment,
      onRetry: (delayMs) => this.#due.readAfter(delayMs),
      onWritten: (ids) => {
        for (const id of ids) {
          this.#claims.forget(id);
        }
        this.#wakeUp.wake();
      },
    });
  }

  start(): void {
    this.#running ??= this.#run();
    if (this.#claims.isNeeded) {
      const { clock, log } = this.#options.environment;
      this.#stopRenewing ??= startPeriodic(() => this.#claims.renew(), {
        clock,
        intervalMs: renewIntervalMs,
        onError: (error) => log.warn({ err: error }, "claims on notifications could not be renewed"),
      });
    }
  }

  /** When other replicas may attempt new notifications: at once, or later if this process claims them as it inserts them. */
  async firstAttemptTimeMs(
    transaction: Transaction,
    notifications: readonly Notification[],
  ): Promise<number | undefined> {
    if (!this.#claims.isNeeded || notifications.length > this.#due.room) {
      return undefined;
    }
    const { untilMs } = await this.#claims.forNew(transaction);
    const ids = notifications.filter(({ state }) => state === NotificationState.PENDING).map(({ id }) => id);
    transaction.onCommit(() => this.#claims.note(ids, untilMs));
    return untilMs;
  }

  /**
   * Sends a new notification if the channel sends synchronously, and returns it as sent. Otherwise, or if that failed, returns it unchanged: it is
   * sent once it is durable.
   */
  readonly sendAtOnce = (notification: Notification): Notification => {
    const { channel, environment } = this.#options;
    if (channel.sendAtOnce === undefined) {
      return notification;
    }
    try {
      if (!this.#sentAtOnce.has(notification.id)) {
        channel.sendAtOnce(messageOf(notification));
        this.#rememberSent(notification.id);
      }
      return settle(notification, { kind: "sent", timeMs: environment.clock.now() });
    } catch (error) {
      environment.log.warn(
        { err: error, notificationId: notification.id },
        "notification could not be sent at once, will be retried",
      );
      return notification;
    }
  };

  /** Adds notifications that have just been inserted. Unsent ones are due at once. */
  handOver(written: readonly Notification[]): void {
    for (const { id } of written) {
      this.#sentAtOnce.delete(id);
    }
    const pending = written.filter(({ state }) => state === NotificationState.PENDING);
    if (pending.length > 0) {
      this.#due.handOver(pending);
      this.#wakeUp.wake();
    }
  }

  /** Reads due notifications from the database now. */
  readonly look = (): void => {
    this.#due.readAfter(0);
    this.#wakeUp.wake();
  };

  /** Waits for the current attempts, or ends them after {@link stopGraceMs}. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeUp.close();
    const cancel = this.#options.environment.clock.after(stopGraceMs, () => {
      this.#aborting.abort(new Error("The notification service is stopping"));
    });
    await this.#running;
    await Promise.all(this.#attempts.values());
    cancel();
    await this.#outcomes.close();
    await this.#stopRenewing?.();
    await this.#claims.release().catch((error: unknown) => {
      this.#options.environment.log.warn({ err: error }, "claims on notifications could not be released");
    });
  }

  /** Makes one attempt at once, even if the channel was down the last time. Returns the notification after it, once that is durable. */
  async send(notification: Notification): Promise<Notification> {
    const settled = await this.#begin(notification);
    if (this.#outcomes.has(notification.id)) {
      await this.#outcomes.flush();
    }
    return settled;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#wakeUp.reset();
      await this.#wakeUp.wait(await this.#beginDue());
    }
  }

  /** Starts as many attempts as allowed. Returns the time until the next notification is due, as far as known. */
  async #beginDue(): Promise<number> {
    while (!this.#stopping && this.#hasRoom()) {
      const waitMs = this.#pause.waitMs();
      if (waitMs > 0) {
        return waitMs;
      }
      if (this.#queue.length === 0) {
        try {
          const due = await this.#due.take((id) => this.#isHeld(id));
          // An attempt that found the channel down may have queued its notification again meanwhile. It is claimed, so no other read returns it.
          const queued = new Set(this.#queue.map(({ id }) => id));
          this.#queue.push(...due.filter(({ id }) => !queued.has(id)));
        } catch (error) {
          this.#options.environment.log.error({ err: error }, "notifications that are due could not be read");
          return readFailedWaitMs;
        }
      }
      const next = this.#queue.shift();
      if (next === undefined) {
        return this.#due.waitMs();
      }
      if (!this.#isHeld(next.id) && this.#claims.isValid(next.id)) {
        void this.#begin(next);
      }
    }
    // The end of an attempt or a written outcome wakes the loop.
    return lookAgainMs;
  }

  #hasRoom(): boolean {
    const roomFor = this.#pause.isDown ? 1 : this.#options.channel.concurrencyMax;
    return this.#attempts.size < roomFor && this.#outcomes.size < unwrittenMax;
  }

  #isHeld(id: string): boolean {
    return this.#attempts.has(id) || this.#outcomes.has(id);
  }

  #begin(notification: Notification): Promise<Notification> {
    const attempt = this.#attempt(notification).finally(() => {
      this.#attempts.delete(notification.id);
      this.#wakeUp.wake();
    });
    this.#attempts.set(notification.id, attempt);
    return attempt;
  }

  /** Makes one attempt. Returns the notification after it; never rejects. */
  async #attempt(notification: Notification): Promise<Notification> {
    const outcome = await this.#handOver(notification);
    if (outcome === undefined) {
      // It stays due. Another one probes the channel next, in case this one caused the failure.
      this.#queue.push(notification);
      return notification;
    }
    const settled = settle(notification, outcome);
    this.#outcomes.add(settled);
    return settled;
  }

  /** The outcome of an attempt; undefined if the channel could not be used, or the attempt was aborted. */
  async #handOver(notification: Notification): Promise<SendOutcome | undefined> {
    const { channel, environment } = this.#options;
    const { clock, log } = environment;
    try {
      await channel.send(messageOf(notification), this.#aborting.signal);
      this.#pause.worked();
      return { kind: "sent", timeMs: clock.now() };
    } catch (error) {
      const { id: notificationId } = notification;
      if (this.#aborting.signal.aborted) {
        return undefined;
      }
      if (error instanceof ChannelUnavailableError) {
        this.#pause.failed();
        const waitMs = Math.round(this.#pause.waitMs());
        log.warn({ err: error, notificationId, waitMs }, "mail server unavailable, notifications are delayed");
        return undefined;
      }
      this.#pause.worked();
      const final = error instanceof RecipientRefusedError;
      log.warn({ err: error, notificationId, attempts: notification.attempts + 1, final }, "notification not sent");
      return { kind: "failed", final, cause: causeOf(error), timeMs: clock.now() };
    }
  }

  #rememberSent(id: string): void {
    if (this.#sentAtOnce.size >= sentAtOnceMax) {
      for (const oldest of this.#sentAtOnce) {
        this.#sentAtOnce.delete(oldest);
        break;
      }
    }
    this.#sentAtOnce.add(id);
  }
}

function messageOf({ id: key, recipient, subject, body }: Notification): OutgoingMessage {
  return { key, recipient, subject, body };
}

/** Characters stored of a cause: enough to recognise it, too few to fill a database. */
const causeLengthMax = 500;

function causeOf(error: unknown): string {
  // The message may contain a mail server's reply, with any characters.
  return storableText(error instanceof Error ? error.message : String(error)).slice(0, causeLengthMax);
}
