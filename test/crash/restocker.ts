import { randomUUID } from "node:crypto";
import { attempt } from "./attempt.ts";
import type { BuyerOptions } from "./buyer.ts";
import { isHopeless, type Ledger, type Restock } from "./ledger.ts";
import { between, pause, pick } from "./random.ts";
import type { ShopClient } from "./shop-clients.ts";

/** The interval between two restocks, in milliseconds, and their units: few enough that products sell out in between. */
const restockEveryMs = [20, 400] as const;
const unitsMax = 12;
const patienceMs = [250, 3_000] as const;
const retryMs = 100;

/** Restocks scarce products at random until the signal aborts. */
export async function restock(
  options: Pick<BuyerOptions, "ledger" | "clients" | "scarceIds" | "random">,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, scarceIds, random } = options;
  while (!signal.aborted && !isHopeless(ledger)) {
    const entry: Restock = {
      productId: pick(scarceIds, random),
      delta: between(1, unitsMax, random),
      requestId: randomUUID(),
      acknowledged: false,
    };
    ledger.restocks.push(entry);
    await finishRestock(entry, options, signal);
    await pause(between(...restockEveryMs, random), signal);
  }
}

/** Retries until the restock is acknowledged or the signal aborts. */
export async function finishRestock(
  entry: Restock,
  {
    ledger,
    clients,
    random,
  }: { readonly ledger: Ledger; readonly clients: readonly ShopClient[]; readonly random: () => number },
  signal: AbortSignal,
): Promise<void> {
  const { productId, delta, requestId } = entry;
  while (!entry.acknowledged && !signal.aborted && !isHopeless(ledger)) {
    const { inventory, dialect } = pick(clients, random);
    const outcome = await attempt(
      inventory.updateStock(
        { productId, change: { case: "delta", value: delta }, requestId },
        { timeoutMs: between(...patienceMs, random) },
      ),
    );
    if (outcome.kind === "answered") entry.acknowledged = true;
    else if (outcome.kind !== "unclear") {
      ledger.unexpected.push(`UpdateStock by ${dialect}, product ${productId}: ${JSON.stringify(outcome)}`);
    }
    if (!entry.acknowledged) await pause(retryMs, signal);
  }
}
