import { decodePageToken, encodePageToken, InvalidPageTokenError } from "@parley/store";
import type { Order, OrderState } from "./order.ts";
import type { OrderStore } from "./order-store.ts";

/** The number of orders on a page that names no size. */
const pageSizeDefault = 50;
/** The most orders on a page, as the contract has it. */
const pageSizeMax = 100;

/** Which page of which orders. */
export interface ListRequest {
  /** Only orders of this buyer. All buyers' if empty. */
  readonly userId: string;
  readonly state: OrderState | undefined;
  /** {@link pageSizeDefault} if 0. */
  readonly pageSize: number;
  /** Empty for the first page. */
  readonly pageToken: string;
}

/** A page of orders, newest first. */
export interface OrderPage {
  readonly orders: readonly Order[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** Reads a page. A page begins after the last order of the one before, so new orders shift nothing. Throws {@link InvalidPageTokenError}. */
export async function listOrders(store: OrderStore, request: ListRequest): Promise<OrderPage> {
  const { userId, state, pageToken } = request;
  const pageSize = Math.min(request.pageSize === 0 ? pageSizeDefault : request.pageSize, pageSizeMax);
  const list = JSON.stringify(["orders", userId, state ?? ""]);
  const beforeId = pageToken === "" ? undefined : placeOf(pageToken, list);
  // One more than asked for tells whether there is another page.
  const found = await store.list({ userId: userId === "" ? undefined : userId, state, beforeId }, pageSize + 1);
  const orders = found.slice(0, pageSize);
  const last = orders.at(-1);
  const nextPageToken = found.length > pageSize && last !== undefined ? encodePageToken([last.id], list) : "";
  return { orders, nextPageToken };
}

function placeOf(pageToken: string, list: string): string {
  const [id] = decodePageToken(pageToken, list);
  if (typeof id !== "string") throw new InvalidPageTokenError();
  return id;
}
