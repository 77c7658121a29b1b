import { createInbox, inboxMigrations, openConsumer } from "@parley/events";
import { platform } from "@parley/gen/services.js";
import type { Environment } from "@parley/rpc";
import type { ServiceModule } from "@parley/rpc/server";
import type { Database, Migration } from "@parley/store";
import type { Channel } from "./channel/channel.ts";
import { traceChannel } from "./channel/traced-channel.ts";
import { createEventEffects } from "./event-effects.ts";
import { notificationMigrations as ownMigrations } from "./migrations/index.ts";
import { createNotificationServices } from "./notification-service.ts";
import { registerMailMetrics } from "./sending/mail-metrics.ts";
import { Sender } from "./sending/sender.ts";

export interface NotificationModuleOptions {
  readonly environment: Environment;
  /** Opened with {@link notificationMigrations}. Closed when the module stops. */
  readonly database: Database;
  /** The channel of notifications. Closed when the module stops. */
  readonly channel: Channel;
  /** The recipient of the shop's alerts. */
  readonly shopEmail: string;
  /** The broker of incoming events. Default `direct`: they arrive by `EventService.Deliver`. */
  readonly brokerUrl?: string;
}

/** The services whose events cause notifications. */
const eventSources = ["/services/order", "/services/product"];

/** The migrations of the service and of its inbox. */
export const notificationMigrations: readonly Migration[] = [...ownMigrations, ...inboxMigrations];

/** The notification service's module. */
export function createNotificationModule(options: NotificationModuleOptions): ServiceModule {
  const { environment, database, shopEmail, brokerUrl = "direct" } = options;
  const { channel, traces } = traceChannel(options.channel, environment);
  registerMailMetrics(database, environment);
  const listeners = new Set<() => void>();
  const sender = new Sender({ database, channel, environment });

  function notifyListeners() {
    for (const listener of listeners) {
      listener();
    }
  }

  const handlers = createEventEffects({
    clock: environment.clock,
    shopEmail,
    sendAtOnce: sender.sendAtOnce,
    noteTrace: traces.note,
    firstAttemptTimeMs: (transaction, notifications) => sender.firstAttemptTimeMs(transaction, notifications),
    onWritten(notifications) {
      sender.handOver(notifications);
      notifyListeners();
    },
  });
  const inbox = createInbox({ database, environment, handlers });
  const consumer = openConsumer(brokerUrl, {
    group: "notification",
    sources: eventSources,
    deliver: inbox.deliver,
    environment,
  });

  return {
    ...platform,
    onReachable: database.onReachable?.bind(database),
    entries: createNotificationServices({
      environment,
      database,
      inbox,
      sender,
      written: notifyListeners,
      onWritten(callback) {
        // Wrapped, so that the same callback given twice is two listeners.
        const listener = () => callback();
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    }),
    async start() {
      inbox.start();
      sender.start();
      consumer.start();
    },
    async stop() {
      await consumer.stop();
      await sender.stop();
      await inbox.stop();
      await channel.close();
      await database.close();
    },
  };
}
