import type { Client } from "@connectrpc/connect";
import type { Notification } from "@parley/gen/notification/v1/notification_pb.js";
import type { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import type { Order } from "@parley/gen/order/v1/order_pb.js";
import type { OrderService } from "@parley/gen/order/v1/order_service_pb.js";

/** More pages than any test needs: 100,000 entries. */
const pagesMax = 1_000;

/** All orders, newest first. */
export function allOrders(orders: Pick<Client<typeof OrderService>, "listOrders">): Promise<readonly Order[]> {
  return everyPage(async (pageToken) => {
    const page = await orders.listOrders({ pageSize: 100, pageToken });
    return { entries: page.orders, nextPageToken: page.nextPageToken };
  });
}

/** All notifications, newest first. */
export function allNotifications(
  notifications: Pick<Client<typeof NotificationService>, "listNotifications">,
): Promise<readonly Notification[]> {
  return everyPage(async (pageToken) => {
    const page = await notifications.listNotifications({ pageSize: 100, pageToken });
    return { entries: page.notifications, nextPageToken: page.nextPageToken };
  });
}

async function everyPage<T>(
  read: (pageToken: string) => Promise<{ readonly entries: readonly T[]; readonly nextPageToken: string }>,
): Promise<readonly T[]> {
  const found: T[] = [];
  let pageToken = "";
  for (let pages = 0; pages < pagesMax; pages++) {
    const page = await read(pageToken);
    found.push(...page.entries);
    pageToken = page.nextPageToken;
    if (pageToken === "") return found;
  }
  throw new Error(`more than ${pagesMax} pages`);
}
