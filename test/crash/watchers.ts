import { type Follower, follow } from "./follower.ts";
import {
  type PlatformClients,
  type SeenNotificationChange,
  type SeenOrderChange,
  type SeenStockChange,
  stateName,
  type Watched,
} from "./observation.ts";

/** One follower for each Watch method. */
export interface Watchers {
  readonly watched: Watched;
  /** Whether each follower has a position, so that it cannot miss further changes. */
  hasPositions(): boolean;
  /** The number of reconnects. */
  reconnects(): number;
  forget(): void;
  stop(): Promise<void>;
}

export function startWatchers(platform: PlatformClients, random: () => number): Watchers {
  const { inventory, orders, notifications } = platform;
  // The streams have no deadline.
  const stock: Follower<SeenStockChange> = follow({
    async *open(afterPosition, signal) {
      for await (const { position, productId, stock, delta } of inventory.watchStock({ afterPosition }, { signal })) {
        yield { position, productId, stock, delta };
      }
    },
    random,
  });
  const order: Follower<SeenOrderChange> = follow({
    async *open(afterPosition, signal) {
      for await (const { position, order } of orders.watchOrders({ afterPosition }, { signal })) {
        if (order !== undefined) yield { position, orderId: order.id, state: stateName(order.state) };
      }
    },
    random,
  });
  const notification: Follower<SeenNotificationChange> = follow({
    async *open(afterPosition, signal) {
      for await (const answer of notifications.watchNotifications({ afterPosition }, { signal })) {
        yield { position: answer.position, notificationId: answer.notification?.id ?? "" };
      }
    },
    random,
  });
  const all = [stock, order, notification];
  return {
    get watched() {
      return {
        stockChanges: stock.messages,
        orderChanges: order.messages,
        notificationChanges: notification.messages,
      };
    },
    hasPositions: () => all.every((each) => each.position() !== ""),
    reconnects: () => all.reduce((sum, each) => sum + each.connections() - 1, 0),
    forget() {
      for (const each of all) each.forget();
    },
    async stop() {
      await Promise.all(all.map((each) => each.stop()));
    },
  };
}
