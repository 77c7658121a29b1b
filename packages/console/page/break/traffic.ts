import { Code, ConnectError } from "@connectrpc/connect";
import { moneyOf, NotificationKind, OrderState } from "@parley/client";
import { signal } from "@preact/signals";
import { readLive } from "../live/live-stream.ts";
import { readProducts } from "../live/products.ts";
import { readUsers, users } from "../live/users.ts";
import { codeName } from "../parts/failure.tsx";
import { newId, parley, tracedCall } from "../session/api.ts";

/** How many orders a second the switch makes, and how many may be in flight at once. */
export const perSecond = signal(10);
const openMax = 60;
/** How much is in stock for it at the beginning. Never sold out. */
const initialStock = 100_000_000;
/** Before a request that failed is sent again, with the same request id, in milliseconds: the first wait, which doubles, and the longest. */
const againMs = { first: 400, longest: 4_000 };
/** The most confirmed orders whose notifications are watched for. */
const watchedMax = 50_000;

/** What came of the orders so far. */
export interface TrafficCounts {
  /** Requests, each with its own request id. */
  readonly requests: number;
  /** Confirmed, whether at once or after it was sent again. */
  readonly confirmed: number;
  /** Whose first try failed. */
  readonly refused: number;
  /** Confirmed by sending the same request again. */
  readonly recovered: number;
  /** Without a final answer yet. */
  readonly open: number;
  /** Turned down for good, with an answer that says why. */
  readonly rejected: number;
  /** The failures by their code. */
  readonly failures: ReadonlyMap<string, number>;
  /** Confirmed orders whose buyer was not told yet. */
  readonly untold: number;
  /** Orders whose buyer was told twice. */
  readonly toldTwice: number;
}

const none: TrafficCounts = {
  requests: 0,
  confirmed: 0,
  refused: 0,
  recovered: 0,
  open: 0,
  rejected: 0,
  failures: new Map(),
  untold: 0,
  toldTwice: 0,
};

export const counts = signal<TrafficCounts>(none);
export const running = signal(false);
export const trafficError = signal<unknown>(undefined);
/** The product that is ordered: made for this run, so that only this run buys it and its stock can be checked. */
export const trafficProduct = signal<{ readonly id: string; readonly stock: number } | undefined>(undefined);
export const trafficBuyer = signal("");
/** When the oldest confirmed order that its buyer was not told of was confirmed, in milliseconds since 1970. */
export const oldestUntoldMs = signal(0);

const confirmedAt = new Map<string, number>();
const told = new Map<string, number>();
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

/** Starts making orders; goes on with the same product where it was stopped before. */
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
      description: "Made by the traffic switch of the console, for its orders only.",
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
          tell(notification.orderId);
        }
      }
    });
  }
}

/** Sends one request until it has a final answer. */
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

/** What does not change by asking again. */
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

function tell(orderId: string): void {
  told.set(orderId, (told.get(orderId) ?? 0) + 1);
  if (told.size > watchedMax) {
    told.delete(told.keys().next().value ?? "");
  }
  recount();
}

let recounting = false;

/** Compares who was confirmed with who was told, a few times a second at most. */
function recount(): void {
  if (recounting) {
    return;
  }
  recounting = true;
  setTimeout(() => {
    recounting = false;
    let [untold, toldTwice, oldest] = [0, 0, 0];
    for (const [id, atMs] of confirmedAt) {
      const times = told.get(id) ?? 0;
      if (times === 0) {
        untold += 1;
        oldest = oldest === 0 ? atMs : Math.min(oldest, atMs);
      } else if (times > 1) {
        toldTwice += 1;
      }
    }
    oldestUntoldMs.value = oldest;
    counts.value = { ...counts.value, untold, toldTwice };
  }, 250);
}
