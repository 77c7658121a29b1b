import { fromBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "@parley/gen/event/v1/event_pb.js";
import type { World } from "../world/world.ts";

/** The durable contents of the services' databases. */
export interface Books {
  readonly orders: readonly OrderRow[];
  readonly reservations: readonly ReservationRow[];
  readonly products: readonly { readonly id: string; readonly stock: number }[];
  readonly orderEvents: readonly Event[];
  readonly productEvents: readonly Event[];
  readonly notifications: readonly NotificationRow[];
}

export interface OrderRow {
  readonly id: string;
  /** Empty for a guest. */
  readonly userId: string;
  readonly userEmail: string;
  readonly requestId: string | null;
  readonly phase: string;
  readonly items: readonly OrderLine[];
  readonly wasConfirmed: boolean;
  readonly createTimeMs: number;
}

export interface OrderLine {
  readonly productId: string;
  readonly quantity: number;
}

export interface ReservationRow {
  readonly orderId: string;
  readonly createTimeMs: number;
  readonly state: string;
  readonly items: readonly OrderLine[];
}

export interface NotificationRow {
  readonly id: string;
  readonly kind: number;
  readonly orderId: string;
  readonly productId: string;
  readonly state: number;
  readonly userId: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
}

/** Reads the databases directly, bypassing the services. */
export function readBooks({ disks }: Pick<World, "disks">): Books {
  return {
    orders: disks.order
      .inspect<StoredOrder>(
        "SELECT id, user_id, user_email, request_id, phase, items, confirm_time, create_time FROM orders ORDER BY id",
      )
      .map(({ id, user_id, user_email, request_id, phase, items, confirm_time, create_time }) => ({
        id,
        userId: user_id,
        userEmail: user_email,
        requestId: request_id,
        phase,
        items: (JSON.parse(items) as [string, number][]).map(([productId, quantity]) => ({ productId, quantity })),
        wasConfirmed: confirm_time !== null,
        createTimeMs: create_time,
      })),
    reservations: disks.product
      .inspect<StoredReservation>("SELECT order_id, state, items, create_time FROM reservations ORDER BY order_id")
      .map(({ order_id, state, items, create_time }) => ({
        orderId: order_id,
        createTimeMs: create_time,
        state,
        items: (JSON.parse(items) as [string, string, number][]).map(([productId, , quantity]) => ({
          productId,
          quantity,
        })),
      })),
    products: disks.product.inspect("SELECT id, stock FROM products ORDER BY id"),
    orderEvents: disks.order.inspect<StoredEvent>(eventsSql).map(decode),
    productEvents: disks.product.inspect<StoredEvent>(eventsSql).map(decode),
    notifications: disks.notification.inspect(
      `SELECT id, kind, order_id AS "orderId", product_id AS "productId", state, user_id AS "userId", recipient, subject, body
       FROM notification ORDER BY sequence`,
    ),
  };
}

/** The unfinished work, by kind. Empty once everything has settled. It is called often, so it is cheap. */
export function readUnfinished({ disks }: Pick<World, "disks">): Readonly<Record<string, number>> {
  return {
    ...count("orders in between", disks.order.inspect(unsettledSql)),
    ...count("events of orders", disks.order.inspect(waitingSql)),
    ...count("events of products", disks.product.inspect(waitingSql)),
    ...count(
      "notifications not sent",
      disks.notification.inspect("SELECT COUNT(*) AS n FROM notification WHERE state = 1"),
    ),
  };
}

const eventsSql = "SELECT event FROM event_log ORDER BY sequence";
const waitingSql = "SELECT COUNT(*) AS n FROM event_waiting";
const unsettledSql =
  "SELECT COUNT(*) AS n FROM orders WHERE phase NOT IN ('CONFIRMED', 'CANCELLED', 'REJECTED') OR due_time IS NOT NULL";

interface StoredOrder {
  readonly id: string;
  readonly user_id: string;
  readonly user_email: string;
  readonly request_id: string | null;
  readonly phase: string;
  readonly items: string;
  readonly confirm_time: number | null;
  readonly create_time: number;
}

interface StoredReservation {
  readonly order_id: string;
  readonly create_time: number;
  readonly state: string;
  readonly items: string;
}

interface StoredEvent {
  readonly event: Uint8Array;
}

function decode({ event }: StoredEvent): Event {
  return fromBinary(EventSchema, event);
}

function count(what: string, rows: readonly { readonly n?: number }[]): Record<string, number> {
  const n = rows[0]?.n ?? 0;
  return n === 0 ? {} : { [what]: n };
}
