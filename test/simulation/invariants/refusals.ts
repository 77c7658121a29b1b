import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Ledger, type OrderCall, startOf } from "../workload/ledger.ts";
import { firstProducts, productIds } from "../workload/products.ts";
import { buyers } from "../world/services.ts";
import { startTimeMs } from "../world/simulated-time.ts";
import type { World } from "../world/world.ts";
import type { Books } from "./books.ts";
import type { Violation } from "./violation.ts";

/** Each refusal was justified at the time of the call. */
export function checkRefusals(
  books: Books,
  ledger: Ledger,
  { clockErrorMs }: Pick<World, "clockErrorMs">,
): readonly Violation[] {
  return ledger.orders.flatMap((call) => {
    if (call.answer.kind !== "refused" || isDue(call, call.answer, { books, ledger, clockErrorMs })) return [];
    const { reason, metadata } = call.answer;
    const message = `buyer ${call.userId} asked for ${JSON.stringify(call.wanted)} and was refused for no reason: ${reason} ${JSON.stringify(metadata)}`;
    return [{ invariant: "refusal", message } satisfies Violation];
  });
}

type Refused = Extract<OrderCall["answer"], { kind: "refused" }>;

function isDue(
  call: OrderCall,
  { reason, metadata }: Refused,
  found: { readonly books: Books; readonly ledger: Ledger; readonly clockErrorMs: number },
) {
  const { userId, requestId, wanted } = call;
  const { ledger, books, clockErrorMs } = found;
  switch (reason) {
    case "USER_NOT_FOUND":
      return userId !== "" && buyers.every(({ id }) => id !== userId);
    case "PRODUCT_NOT_FOUND":
      return Object.keys(wanted).some((productId) => !productIds.includes(productId));
    case "MIXED_CURRENCIES":
      return ledger.prices.some(({ currencyCode }) => currencyCode !== "USD");
    case "REQUEST_ID_REUSED":
      return ledger.orders.some(
        (other) =>
          other.requestId === requestId &&
          (other.guestEmail !== call.guestEmail || JSON.stringify(other.wanted) !== JSON.stringify(wanted)),
      );
    case "INSUFFICIENT_STOCK": {
      const { productId = "", available, requested } = metadata;
      const isShort = Number(available) < Number(requested) && wanted[productId] === Number(requested);
      // Where clocks are wrong, the times of events do not tell which were in the window: any level of the run may be the one.
      const window =
        clockErrorMs > 0
          ? { startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY }
          : { startMs: startOf(call, ledger), endMs: call.endMs };
      const levels = levelsDuring(productId, window, books);
      return isShort && levels.some(({ least, most }) => least <= Number(available) && Number(available) <= most);
    }
    default:
      return false;
  }
}

/** The range of a stock between two reported levels, when one event reports several changes. */
interface Levels {
  readonly least: number;
  readonly most: number;
}

/** The stock levels of a product in a window of simulated time. Event times are whole milliseconds. */
function levelsDuring(
  productId: string,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  books: Books,
): readonly Levels[] {
  let before = firstProducts.find((product) => product.productId === productId)?.stock ?? 0;
  let levels: Levels[] = [{ least: before, most: before }];
  for (const { time, payload } of books.productEvents) {
    if (payload.case !== "stockChanged" || payload.value.productId !== productId || time === undefined) continue;
    const atMs = timestampMs(time);
    if (atMs - startTimeMs > endMs) break;
    const { stock } = payload.value;
    const taken = takenAt(atMs, productId, books);
    const passed = { least: Math.min(before - taken, stock), most: Math.max(before, stock + taken) };
    levels = atMs - startTimeMs < Math.floor(startMs) ? [{ least: stock, most: stock }] : [...levels, passed];
    before = stock;
  }
  return levels;
}

/** The units of a product that orders reserved at a moment. The same commit may also have released some. */
function takenAt(atMs: number, productId: string, { reservations }: Books): number {
  return reservations
    .filter(({ createTimeMs }) => createTimeMs === atMs)
    .flatMap(({ items }) => items)
    .reduce((sum, item) => sum + (item.productId === productId ? item.quantity : 0), 0);
}
