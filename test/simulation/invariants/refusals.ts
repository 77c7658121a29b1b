import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Ledger, type OrderCall, startOf } from "../workload/ledger.ts";
import { firstProducts, productIds } from "../workload/products.ts";
import { buyers } from "../world/services.ts";
import { startTimeMs } from "../world/simulated-time.ts";
import type { Books } from "./books.ts";
import type { Violation } from "./violation.ts";

/** Buyers are refused for what was so at the time, and for nothing else. */
export function checkRefusals(books: Books, ledger: Ledger): readonly Violation[] {
  return ledger.orders.flatMap((call) => {
    if (call.answer.kind !== "refused" || isDue(call, call.answer, { books, ledger })) return [];
    const { reason, metadata } = call.answer;
    const message = `buyer ${call.userId} asked for ${JSON.stringify(call.wanted)} and was refused for no reason: ${reason} ${JSON.stringify(metadata)}`;
    return [{ invariant: "refusal", message } satisfies Violation];
  });
}

type Refused = Extract<OrderCall["answer"], { kind: "refused" }>;

function isDue(
  call: OrderCall,
  { reason, metadata }: Refused,
  found: { readonly books: Books; readonly ledger: Ledger },
) {
  const { userId, requestId, wanted } = call;
  const { ledger, books } = found;
  switch (reason) {
    case "USER_NOT_FOUND":
      return buyers.every(({ id }) => id !== userId);
    case "PRODUCT_NOT_FOUND":
      return Object.keys(wanted).some((productId) => !productIds.includes(productId));
    case "MIXED_CURRENCIES":
      return ledger.prices.some(({ currencyCode }) => currencyCode !== "USD");
    case "REQUEST_ID_REUSED":
      return ledger.orders.some(
        (other) => other.requestId === requestId && JSON.stringify(other.wanted) !== JSON.stringify(wanted),
      );
    case "INSUFFICIENT_STOCK": {
      const { productId = "", available, requested } = metadata;
      const isShort = Number(available) < Number(requested) && wanted[productId] === Number(requested);
      const window = { startMs: startOf(call, ledger), endMs: call.endMs };
      return isShort && isBetween(Number(available), levelsDuring(productId, window, books));
    }
    default:
      return false;
  }
}

/** Whether a stock was at a level: told of, or passed on the way from one that was told to the next, by changes told as one. */
function isBetween(level: number, told: readonly number[]): boolean {
  return told.some((after, index) => {
    const before = told[index - 1] ?? after;
    return level >= Math.min(before, after) && level <= Math.max(before, after);
  });
}

/** The stock levels that a product had in a window of simulated time. Times of events are whole milliseconds. */
function levelsDuring(
  productId: string,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  { productEvents }: Books,
): readonly number[] {
  let levels = firstProducts.filter((product) => product.productId === productId).map(({ stock }): number => stock);
  for (const { time, payload } of productEvents) {
    if (payload.case !== "stockChanged" || payload.value.productId !== productId || time === undefined) continue;
    const atMs = timestampMs(time) - startTimeMs;
    if (atMs > endMs) break;
    levels = atMs < Math.floor(startMs) ? [payload.value.stock] : [...levels, payload.value.stock];
  }
  return levels;
}
