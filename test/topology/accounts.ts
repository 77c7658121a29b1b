import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { grpcTransport, protocols, type Shop, withToken } from "./protocols.ts";
import type { Buyer } from "./traffic.ts";

/** The clients of an admin, over gRPC. */
export type AdminClients = ReturnType<typeof adminClients>;

export function adminClients(url: string, token: string) {
  const transport = withToken(grpcTransport(url), token);
  return {
    orders: createClient(OrderService, transport),
    products: createClient(ProductService, transport),
    inventory: createClient(InventoryService, transport),
    notifications: createClient(NotificationService, transport),
  };
}

export interface BuyersOptions {
  readonly count: number;
  /** The clients that they use in turn. Default: every protocol at the same URL. */
  readonly shops?: readonly ((url: string, token: string) => Shop)[];
}

/** Makes users, each with a client of another protocol than the one before. */
export function createBuyers(url: string, { count, shops = protocols }: BuyersOptions): Promise<readonly Buyer[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const account = { email: `${randomUUID()}@example.com`, password: `the password ${randomUUID()}` };
      await post(`${url}/users`, { name: `Buyer ${index}`, ...account });
      const { token, userId } = await signIn(url, account);
      const shop = shops[index % shops.length]?.(url, token);
      if (shop === undefined) throw new Error("there is no client");
      return { userId, shop };
    }),
  );
}

/** Signs in. The token lasts 15 minutes, which is longer than the test. */
export async function signIn(
  url: string,
  account: { readonly email: string; readonly password: string },
): Promise<{ readonly token: string; readonly userId: string }> {
  const { accessToken, user } = (await post(`${url}/users:login`, account)) as {
    readonly accessToken: string;
    readonly user: { readonly id: string };
  };
  return { token: accessToken, userId: user.id };
}

async function post(url: string, body: object): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`POST ${url} answered ${response.status}: ${text}`);
  }
  return JSON.parse(text);
}
