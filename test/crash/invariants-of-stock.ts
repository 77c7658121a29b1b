import type { Evidence } from "./evidence.ts";
import { newOrders } from "./invariants-of-orders.ts";

/** Current stock = initial stock + restocks - units of confirmed orders. It is never negative. */
export function checkStock(evidence: Pick<Evidence, "ledger" | "before" | "after">): readonly string[] {
  const { ledger, before, after } = evidence;
  const sold = new Map<string, number>();
  for (const { lines } of newOrders(evidence).filter(({ state }) => state === "CONFIRMED")) {
    for (const { productId, quantity } of lines) {
      sold.set(productId, (sold.get(productId) ?? 0) + quantity);
    }
  }
  return before.products.flatMap(({ id, stock: first }) => {
    const now = after.products.find((product) => product.id === id)?.stock;
    const added = ledger.restocks
      .filter(({ productId, acknowledged }) => productId === id && acknowledged)
      .reduce((sum, { delta }) => sum + delta, 0);
    const right = first + added - (sold.get(id) ?? 0);
    if (now === right && now >= 0) return [];
    return [`product ${id} has ${now}, and ${first} + ${added} added - ${sold.get(id) ?? 0} sold are ${right}`];
  });
}
