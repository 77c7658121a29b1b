import { Code, ConnectError } from "@connectrpc/connect";
import { moneyOf, NotificationKind, OrderState } from "@parley/client";
import { signal } from "@preact/signals";
import { readLive } from "../live/live-stream.ts";
import { readProducts } from "../live/products.ts";
import { readUsers, users } from "../live/users.ts";
import { codeName } from "../parts/failure.tsx";
import { newId, parley, tracedCall } from "../session/api.ts";

/** The number of orders per second, and the maximum number in flight. */
export const perSecond = signal(10);
const openMax = 60;
/** The initial stock of the product. It is never sold out. */
const initialStock = 100_000_000;
/** The delay before a failed request is retried with the same request id, in milliseconds: the first one, which doubles, and the maximum. */
const againMs = { first: 400, longest: 4_000 };
/** The maximum number of confirmed orders whose notifications are tracked. */
const watchedMax = 50_000;

/** The outcomes of the orders so far. */
export interface TrafficCounts {
  /** Orders, each with its own request id. */
  readonly requests: number;
  /** Confirmed, at the first attempt or after retries. */
  readonly confirmed: number;
  /** Orders whose first attempt failed. */
  readonly refused: number;
  /** Confirmed by a retry with the same request id. */
  readonly recovered: number;
  /** Without a final response yet. */
  readonly open: number;
  /** Refused with a permanent error. */
  readonly rejected: number;
  /** The number of failures by code. */
  readonly failures: ReadonlyMap<string, number>;
  /** Confirmed orders without a notification yet. */
  readonly unnotified: number;
  /** Orders with a duplicate notification. */
  readonly notifiedTwice: number;
}

const none: TrafficCounts = {
  requests: 0,
  confirmed: 0,
  refused: 0,
  recovered: 0,
  open: 0,
  rejected: 0,
  failures: new Map(),
  unnotified: 0,
  notifiedTwice: 0,
};

export const counts = signal<TrafficCounts>(none);
export const running = signal(false);
export const trafficError = signal<unknown>(undefined);
/** The product that is ordered. It is created for this run, so that no other orders change its stock. */
export const trafficProduct = signal<{ readonly id: string; readonly stock: number } | undefined>(undefined);
export const trafficBuyer = signal("");
/** The confirmation time of the oldest confirmed order without a notification, in milliseconds since 1970. */
export const oldestUnnotifiedMs = signal(0);

const confirmedAt = new Map<string, number>();
const notified = new Map<string, number>();
let timer: ReturnType<typeof setInterval> | undefined;
let reading = false;

function add(
  changes: Partial<Record<"requests" | "confirmed" | "refused" | "recovered" | "open" | "rejected", number>>,
): void {
  const { value } = counts;
  const next: Record<string, unknown> = { ...value };
  for (const [name, change] of Object.entries(changes)) {
    next[name] = (value[name as keyof TrafficCounts] as number) + (change ?? 0);
  }
  counts.value = next as unknown as TrafficCounts;
}

/** Starts placing orders. Continues with the same product after a stop. */
export async function startTraffic(): Promise<void> {
  trafficError.value = undefined;
  try {
    await prepare();
  } catch (error) {
    trafficError.value = error;
    return;
  }
  running.value = true;
  clearInterval(timer);
  let due = 0;
  timer = setInterval(() => {
    due += perSecond.value / 10;
    for (; due >= 1 && counts.value.open < openMax; due--) {
      void order();
    }
    due = Math.min(due, 1);
  }, 100);
}

export function stopTraffic(): void {
  running.value = false;
  clearInterval(timer);
}

async function prepare(): Promise<void> {
  if (users.value === undefined || users.value.length === 0) {
    await readUsers();
  }
  trafficBuyer.value ||= users.value?.[0]?.id ?? "";
  if (trafficProduct.value === undefined) {
    const { product } = await parley.products.createProduct({
      name: `Traffic ${new Date().toLocaleTimeString()}`,
      description: "Created by the console for its generated orders.",
      price: moneyOf("1", "USD"),
      stock: initialStock,
      requestId: newId(),
    });
    trafficProduct.value = { id: product?.id ?? "", stock: initialStock };
    await readProducts();
  }
  if (!reading) {
    reading = true;
    readLive(({ notifications }) => {
      for (const { notification } of notifications) {
        if (notification?.kind === NotificationKind.ORDER_CONFIRMED) {
          markNotified(notification.orderId);
        }
      }
    });
  }
}

/** Retries one request until it has a final response. */
async function order(): Promise<void> {
  const requestId = newId();
  const productId = trafficProduct.value?.id ?? "";
  const userId = trafficBuyer.value;
  add({ requests: 1, open: 1 });
  let waitMs = againMs.first;
  for (let tries = 1; ; tries++) {
    try {
      const request = { userId, requestId, items: [{ productId, quantity: 1 }] };
      const answer = await parley.orders.createOrder(request, tracedCall().options);
      const confirmed = answer.order?.state === OrderState.CONFIRMED;
      add({
        open: -1,
        confirmed: confirmed ? 1 : 0,
        rejected: confirmed ? 0 : 1,
        recovered: confirmed && tries > 1 ? 1 : 0,
      });
      if (confirmed) {
        confirm(answer.order?.id ?? "");
      }
      return;
    } catch (failure) {
      const { code } = ConnectError.from(failure);
      const name = codeName(code);
      const { failures } = counts.value;
      counts.value = { ...counts.value, failures: new Map(failures).set(name, (failures.get(name) ?? 0) + 1) };
      if (tries === 1) {
        add({ refused: 1 });
      }
      if (final.has(code)) {
        add({ open: -1, rejected: 1 });
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs * (0.5 + Math.random())));
    waitMs = Math.min(waitMs * 2, againMs.longest);
  }
}

/** Codes for which a retry is useless. */
const final: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.FailedPrecondition,
  Code.PermissionDenied,
  Code.Unauthenticated,
]);

function confirm(orderId: string): void {
  if (confirmedAt.size < watchedMax) {
    confirmedAt.set(orderId, Date.now());
  }
  recount();
}

function markNotified(orderId: string): void {
  notified.set(orderId, (notified.get(orderId) ?? 0) + 1);
  if (notified.size > watchedMax) {
    notified.delete(notified.keys().next().value ?? "");
  }
  recount();
}

let recounting = false;

/** Compares confirmed orders with notifications, a few times a second at most. */
function recount(): void {
  if (recounting) {
    return;
  }
  recounting = true;
  setTimeout(() => {
    recounting = false;
    let [unnotified, notifiedTwice, oldest] = [0, 0, 0];
    for (const [id, atMs] of confirmedAt) {
      const times = notified.get(id) ?? 0;
      if (times === 0) {
        unnotified += 1;
        oldest = oldest === 0 ? atMs : Math.min(oldest, atMs);
      } else if (times > 1) {
        notifiedTwice += 1;
      }
    }
    oldestUnnotifiedMs.value = oldest;
    counts.value = { ...counts.value, unnotified, notifiedTwice };
  }, 250);
}
