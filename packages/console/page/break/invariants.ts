import { timestampMs } from "@bufbuild/protobuf/wkt";
import { OrderState } from "@parley/client";
import { computed, signal } from "@preact/signals";
import { health } from "../live/live-stream.ts";
import { products } from "../live/products.ts";
import { parley } from "../session/api.ts";
import { counts, oldestUnnotifiedMs, trafficBuyer, trafficProduct } from "./traffic.ts";

/** `waits`: not settled yet, because a service is or was down. */
export type Verdict = "holds" | "waits" | "broken";

export interface Invariant {
  readonly name: string;
  readonly verdict: Verdict;
  readonly words: string;
}

/** How long something may be unsettled while all services run, in milliseconds. Recovery runs every few seconds. */
const settleMs = 45_000;
/** How often to query the order service for stuck orders, in milliseconds. */
const checkIntervalMs = 3_000;

const oldestPendingMs = signal(0);
const pending = signal(0);
/** Since when the stock has been inconsistent. 0 while it is consistent. */
let unequalSinceMs = 0;
/** Since when all services have been running. Unsettled time counts only from then on. */
const allRunSinceMs = signal(0);
const now = signal(Date.now());

/** Checks the invariants that the live stream does not show. Call the result to stop. */
export function watchInvariants(): () => void {
  const check = async () => {
    now.value = Date.now();
    const down = [...health.value.values()].some((state) => state !== "SERVING");
    allRunSinceMs.value = down ? 0 : allRunSinceMs.value || now.value;
    if (trafficProduct.value === undefined) {
      return;
    }
    try {
      const { orders } = await parley.orders.listOrders({
        userId: trafficBuyer.value,
        state: OrderState.PENDING,
        pageSize: 100,
      });
      pending.value = orders.length;
      oldestPendingMs.value = Math.min(
        ...orders.map(({ createTime }) => (createTime === undefined ? 0 : timestampMs(createTime))),
      );
      const { product } = await parley.products.getProduct({ productId: trafficProduct.value.id });
      readStock.value = product?.stock;
    } catch {
      // While the order or the product service is down, the check is skipped.
    }
  };
  void check();
  const timer = setInterval(() => void check(), checkIntervalMs);
  return () => clearInterval(timer);
}

const readStock = signal<number | undefined>(undefined);

/** The invariants and their current verdicts. */
export const invariants = computed<readonly Invariant[]>(() => [stockAddsUp(), noOrderStuck(), notifiedOnce()]);

/** Whether a violation has lasted too long to be caused by a service that is or was down. */
function overdue(sinceMs: number): boolean {
  const { value } = allRunSinceMs;
  return sinceMs > 0 && value > 0 && now.value - Math.max(sinceMs, value) > settleMs;
}

function stockAddsUp(): Invariant {
  const name = "Stock is conserved";
  const product = trafficProduct.value;
  if (product === undefined) {
    return { name, verdict: "holds", words: "Checked while traffic runs." };
  }
  const { confirmed, open } = counts.value;
  // An order in progress, or one whose response was lost, may or may not have reserved its unit.
  const addsUp = (stock: number) => product.stock - stock >= confirmed && product.stock - stock <= confirmed + open;
  // The live stream has the latest stock, except after an interruption: then the response may be newer.
  const live = products.value?.get(product.id)?.stock ?? product.stock;
  const stock = readStock.value !== undefined && !addsUp(live) ? readStock.value : live;
  const equal = addsUp(stock);
  const gone = product.stock - stock;
  unequalSinceMs = equal ? 0 : unequalSinceMs || Date.now();
  const words = `${gone} units left the stock, ${confirmed} orders are confirmed${open > 0 ? `, ${open} are in progress` : ""}.`;
  return { name, verdict: equal ? "holds" : overdue(unequalSinceMs) ? "broken" : "waits", words };
}

function noOrderStuck(): Invariant {
  const old = pending.value > 0 && overdue(oldestPendingMs.value);
  const words =
    pending.value === 0
      ? "No order waits for its reservation."
      : `${pending.value} orders wait for their reservation. Recovery completes or rejects them.`;
  return { name: "No order is stuck", verdict: old ? "broken" : pending.value > 0 ? "waits" : "holds", words };
}

function notifiedOnce(): Invariant {
  const { unnotified, notifiedTwice, confirmed } = counts.value;
  const verdict =
    notifiedTwice > 0 || overdue(oldestUnnotifiedMs.value) ? "broken" : unnotified > 0 ? "waits" : "holds";
  const words =
    notifiedTwice > 0
      ? `${notifiedTwice} buyers were notified twice.`
      : unnotified > 0
        ? `${confirmed - unnotified} of ${confirmed} buyers were notified; ${unnotified} are pending.`
        : `${confirmed} of ${confirmed} buyers were notified, each once.`;
  return { name: "One notification each", verdict, words };
}
