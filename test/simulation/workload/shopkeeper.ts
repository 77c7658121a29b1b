import type { World } from "../world/world.ts";
import type { Ledger, Restock } from "./ledger.ts";
import { createPerson, pause } from "./person.ts";
import { productIds, recordFirstPrices } from "./products.ts";
import { untilAnswered } from "./until-answered.ts";

export interface ShopkeeperOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly changeCount: number;
}

/** The longest wait between two changes, in milliseconds. */
const thinkMsMax = 1_500;

/** Adds and removes stock, and changes names and prices. Retries each change until it is known to have succeeded. */
export async function keepShop({ world, ledger, changeCount }: ShopkeeperOptions): Promise<void> {
  const random = world.random.fork("shopkeeper");
  const person = createPerson(world, "shopkeeper");
  recordFirstPrices(ledger);

  async function restock(): Promise<void> {
    const delta = random.chance(0.3) ? -random.whole(1, 20) : random.whole(1, 60);
    const startMs = world.time.monotonic();
    const entry: Restock = { productId: random.pick(productIds), delta, startMs, isDone: undefined };
    ledger.restocks.push(entry);
    const request = {
      productId: entry.productId,
      change: { case: "delta", value: delta },
      requestId: person.newId(),
    } as const;
    const what = `shopkeeper restocks ${entry.productId} by ${delta}`;
    const call = () => person.inventory.updateStock(request);
    const outcome = await untilAnswered(call, { world, ledger, what, repeats: true });
    entry.endMs = world.time.monotonic();
    if (outcome.kind === "answer") entry.isDone = true;
    if (outcome.kind === "refusal") entry.isDone = false;
  }

  async function changePrice(number: number): Promise<void> {
    const productId = random.pick(productIds);
    const [name, units] = [`Thing ${number}`, BigInt(random.whole(1, 500))];
    const currencyCode = random.chance(0.15) ? "EUR" : "USD";
    const entry = { productId, name, units, currencyCode, startMs: world.time.monotonic(), endMs: 0 };
    ledger.prices.push(entry);
    const product = { id: productId, name, price: { currencyCode, units, nanos: 0 } };
    const request = { product, updateMask: { paths: ["name", "price"] }, requestId: person.newId() };
    const what = `shopkeeper makes ${productId} "${name}" at ${units} ${currencyCode}`;
    const call = () => person.products.updateProduct(request);
    const outcome = await untilAnswered(call, { world, ledger, what, repeats: true });
    if (outcome.kind !== "answer") ledger.strange.push(`${what}: ${outcome.kind}`);
    entry.endMs = world.time.monotonic();
  }

  for (let count = 0; count < changeCount; count++) {
    await pause(world, thinkMsMax);
    if (random.chance(0.6)) await restock();
    else await changePrice(count);
  }
}
