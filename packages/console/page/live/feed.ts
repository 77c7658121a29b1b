import { effect } from "@preact/signals";
import { readSession } from "../session/session.ts";
import { signIn } from "../session/tokens.ts";
import { putCalls } from "./calls.ts";
import { connection, readLive, startLive } from "./live-stream.ts";
import { putNotifications } from "./notifications.ts";
import { putOrders } from "./orders.ts";
import { putStock, readProducts } from "./products.ts";
import { readUsers } from "./users.ts";

/** Distributes the messages of the live stream to the state of the views. */
export function startFeed(): void {
  readLive(({ stock, orders, notifications, calls }) => {
    if (stock.length > 0) {
      putStock(new Map(stock.map(({ productId, stock }) => [productId, stock])));
    }
    if (orders.length > 0) {
      putOrders(orders.flatMap(({ order }) => (order === undefined ? [] : [order])));
    }
    if (notifications.length > 0) {
      putNotifications(notifications.flatMap(({ notification }) => (notification === undefined ? [] : [notification])));
    }
    for (const answer of calls) {
      putCalls(answer);
    }
  });
  startLive();
  let wasLost = false;
  effect(() => {
    if (connection.value === "lost") {
      wasLost = true;
    } else if (connection.value === "open" && wasLost) {
      wasLost = false;
      // The gateway may have been replaced by one with another catalogue.
      void readSession();
      void readProducts();
    }
  });
  effect(() => {
    if (signIn.value !== undefined) {
      void readUsers();
    }
  });
}
