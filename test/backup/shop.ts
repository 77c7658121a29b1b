import { randomUUID } from "node:crypto";
import { eventually } from "../processes/eventually.ts";

/** The notifications that a buyer received for an order. */
export interface Acknowledged {
  readonly id: string;
  readonly requestId: string;
  readonly quantity: number;
}

/** The data that a restore must bring back. */
export interface Knowledge {
  /** State by id. */
  readonly orders: Readonly<Record<string, string>>;
  readonly stock: number;
  /** The number of notifications by the order's id. */
  readonly notifications: Readonly<Record<string, number>>;
}

/** A client of the gateway by REST. The user and the product are those of the sample data. */
export interface Shop {
  /** Adds so many units that the product does not sell out. Returns its stock. */
  restock(): Promise<number>;
  /** Places an order, or the same one again. */
  order(options?: { readonly requestId?: string; readonly quantity?: number }): Promise<Acknowledged>;
  know(): Promise<Knowledge>;
  /** The data once every order is confirmed and has a notification. */
  knowSettled(): Promise<Knowledge>;
}

/** The timeout of steps that take a second, on a machine that may be busy. */
const settleMaxMs = 60_000;
const productId = "102";

export function shopAt(url: string): Shop {
  async function call(path: string, body?: object, method = "POST"): Promise<Record<string, unknown>> {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}${path}`, body && { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  }
  async function all<T>(path: string, field: string): Promise<readonly T[]> {
    const entries: T[] = [];
    for (let token = ""; ; ) {
      const page = await call(`${path}?pageSize=100&pageToken=${encodeURIComponent(token)}`);
      entries.push(...((page[field] ?? []) as T[]));
      token = (page.nextPageToken ?? "") as string;
      if (token === "") return entries;
    }
  }
  async function know(): Promise<Knowledge> {
    // Orders first: stock and notifications are then at least as recent.
    const orders = await all<{ readonly id: string; readonly state: string }>("/orders", "orders");
    const { product } = (await call(`/products/${productId}`)) as { readonly product: { readonly stock: number } };
    const notifications = await all<{ readonly orderId: string }>("/notifications", "notifications");
    const byOrder = Map.groupBy(notifications, ({ orderId }) => orderId);
    return {
      orders: Object.fromEntries(orders.map(({ id, state }) => [id, state])),
      stock: product.stock,
      notifications: Object.fromEntries([...byOrder].map(([id, some]) => [id, some.length])),
    };
  }
  return {
    async restock() {
      const { product } = (await call(`/products/${productId}/stock`, { delta: 1_000_000 }, "PUT")) as {
        readonly product: { readonly stock: number };
      };
      return product.stock;
    },
    async order({ requestId = randomUUID(), quantity = 1 } = {}) {
      const { order } = (await call("/orders", { userId: "1", items: [{ productId, quantity }], requestId })) as {
        readonly order: { readonly id: string };
      };
      return { id: order.id, requestId, quantity };
    },
    know,
    knowSettled: () => eventually(know, isSettled, settleMaxMs),
  };
}

function isSettled({ orders, notifications }: Knowledge): boolean {
  return Object.entries(orders).every(
    ([id, state]) => state === "ORDER_STATE_CONFIRMED" && (notifications[id] ?? 0) > 0,
  );
}
