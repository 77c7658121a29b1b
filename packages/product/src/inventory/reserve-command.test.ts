import { createEventLog } from "@parley/events";
import { systemClock } from "@parley/rpc";
import { type Database, execute } from "@parley/store";
import { describeReplicas } from "@parley/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { productMigrations } from "../migrations/index.ts";
import { createProductEvents } from "../product-events.ts";
import { loadSampleProducts } from "../sample-products.ts";
import type { Reservation } from "./reservation.ts";
import { reserveCommand } from "./reserve-command.ts";

const line = fc.record({ productId: fc.constantFrom("101", "104", "999"), quantity: fc.integer({ min: 1, max: 40 }) });
const input = fc.record({
  orderId: fc.integer({ min: 1, max: 6 }).map((number) => `order ${number}`),
  lines: fc.uniqueArray(line, { minLength: 1, maxLength: 3, selector: ({ productId }) => productId }),
});

describeReplicas("reservations for many orders together", (openReplicas) => {
  test("have the same result as one after the other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(input, { minLength: 1, maxLength: 12 }), async (inputs) => {
        await using one = await openReplicas(productMigrations, 1);
        await using many = await openReplicas(productMigrations, 1);
        const [alone, together] = [one.databases[0], many.databases[0]] as [Database, Database];
        const outcomesAlone: unknown[] = [];
        for (const each of inputs) {
          const command = await commandOf(alone);
          const work = alone.transaction((transaction) => command.one(transaction, each));
          outcomesAlone.push(await work.then(answered, refused));
        }
        const command = await commandOf(together);
        const calls = inputs.map((each) => execute(together, command, { input: each }).then(answered, refused));
        expect(await Promise.all(calls)).toEqual(outcomesAlone);
        const stocks = "SELECT id, stock FROM products ORDER BY id";
        expect(await together.all(stocks)).toEqual(await alone.all(stocks));
        const reservations = "SELECT order_id, state, items FROM reservations ORDER BY order_id";
        expect(await together.all(reservations)).toEqual(await alone.all(reservations));
      }),
      { numRuns: 8 },
    );
  });
});

async function commandOf(database: Database) {
  await loadSampleProducts(database, 1);
  const environment = { clock: systemClock, newId: () => crypto.randomUUID() };
  const log = createEventLog({ database, source: "/services/product", environment });
  return reserveCommand({ events: createProductEvents(log), clock: systemClock });
}

function answered({ createTimeMs: _, ...reservation }: Reservation) {
  return reservation;
}

function refused(error: Error & { readonly reason?: string }) {
  return `${error.reason}: ${error.message}`;
}
