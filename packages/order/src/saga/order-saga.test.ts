import { createTestClock } from "@parley/rpc/testing";
import { openTestDatabase, testRuns } from "@parley/store/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orderMigrations } from "../migrations/index.ts";
import { isSettled, type Order } from "../order.ts";
import { createTestInventory, type Trouble } from "../testing/test-inventory.ts";
import { createTestOrders, type TestOrders } from "../testing/test-orders.ts";

/** A fault of two processes that share one database, or of the product service. */
type Happening =
  | { readonly kind: "place"; readonly by: number; readonly quantity: number; readonly key: number }
  | { readonly kind: "cancel"; readonly by: number; readonly which: number }
  | { readonly kind: "trouble"; readonly method: "reserve" | "release"; readonly troubles: readonly Trouble[] }
  | { readonly kind: "restock"; readonly quantity: number }
  | { readonly kind: "wait"; readonly durationMs: number }
  | { readonly kind: "die"; readonly by: number; readonly afterPoints: number };

const by = fc.integer({ min: 0, max: 1 });
const trouble = fc.constantFrom<Trouble[]>(
  "never-sent",
  "never-sent-late",
  "slow",
  "lost",
  "answer-lost",
  "silent",
  "broken",
  "late",
  "copied",
);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("place" as const),
      by,
      quantity: fc.integer({ min: 1, max: 30 }),
      // Few keys, so that requests repeat, with the same body and with another. 0 is none.
      key: fc.integer({ min: 0, max: 3 }),
    }),
  },
  fc.record({ kind: fc.constant("cancel" as const), by, which: fc.nat({ max: 20 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("trouble" as const),
      method: fc.constantFrom("reserve" as const, "release" as const),
      troubles: fc.array(trouble, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({ kind: fc.constant("restock" as const), quantity: fc.integer({ min: 1, max: 40 }) }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), durationMs: fc.constantFrom(0, 10, 500, 3_000, 9_000) }),
  },
  fc.record({ kind: fc.constant("die" as const), by, afterPoints: fc.nat({ max: 6 }) }),
);

interface World {
  readonly lives: TestOrders[];
  /** By the request that returned them. */
  readonly answered: { readonly key: string; readonly order: Order }[];
  units: number;
}

/** Two processes, two laptops too few for most requests. */
async function createWorld() {
  const clock = createTestClock();
  const database = await openTestDatabase({ migrations: orderMigrations, clock });
  const inventory = createTestInventory(clock);
  const world: World = { lives: [], answered: [], units: 50 };
  const pointsLeft = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];

  async function live(index: number) {
    pointsLeft[index] = Number.POSITIVE_INFINITY;
    const life = await createTestOrders({
      clock,
      database,
      inventory,
      owner: `process ${index}`,
      checkpoint() {
        // A dead life passes no checkpoints; a later life of the same process has its own count.
        if (world.lives[index] !== undefined && world.lives[index] !== life) return new Promise(() => undefined);
        const left = pointsLeft[index] ?? 0;
        pointsLeft[index] = left - 1;
        return left > 0 ? undefined : new Promise(() => undefined);
      },
    });
    world.lives[index] = life;
    await life.recovery.start();
  }

  async function place(index: number, quantity: number, key: number) {
    const requestId = key === 0 ? undefined : `request ${key}`;
    const request = { userId: "1", items: [{ productId: "101", quantity }], requestId };
    const order = await world.lives[index]?.place(request);
    if (order !== undefined && requestId !== undefined) world.answered.push({ key: requestId, order });
  }

  async function happen(event: Happening) {
    const ignore = () => undefined;
    switch (event.kind) {
      case "place":
        void place(event.by, event.quantity, event.key).catch(ignore);
        return;
      case "cancel": {
        const orders = (await world.lives[0]?.store.list({}, 100)) ?? [];
        const order = orders[event.which % Math.max(1, orders.length)];
        if (order !== undefined) void world.lives[event.by]?.cancel(order.id).catch(ignore);
        return;
      }
      case "trouble":
        inventory.trouble[event.method].push(...event.troubles);
        return;
      case "restock": {
        const laptop = inventory.products.get("101");
        if (laptop !== undefined) laptop.stock += event.quantity;
        world.units += event.quantity;
        return;
      }
      case "wait":
        await clock.advance(event.durationMs);
        return;
      case "die":
        pointsLeft[event.by] = event.afterPoints;
        await clock.advance(1);
        world.lives[event.by]?.stop();
        await live(event.by);
    }
  }

  async function settle() {
    inventory.trouble.reserve.length = 0;
    inventory.trouble.release.length = 0;
    const { store } = world.lives[0] ?? (await createTestOrders({ clock, database, inventory }));
    for (let passedMs = 0; passedMs < 120_000; passedMs += 500) {
      await clock.advance(500);
      const open = await store.due(1, Number.MAX_SAFE_INTEGER);
      // Late calls take effect meanwhile too.
      if (open.length === 0 && passedMs > 20_000) break;
    }
    return await store.list({}, 1_000);
  }

  await live(0);
  await live(1);
  return { world, inventory, happen, settle, database };
}

describe("whatever happens to two processes and the product service", () => {
  it("every order is settled, stock is reserved for exactly the confirmed ones, and answers stay true", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 25 }), async (happenings) => {
        const { world, inventory, happen, settle, database } = await createWorld();
        for (const event of happenings) await happen(event);
        const orders = await settle();

        expect(orders.filter(({ phase }) => !isSettled(phase))).toEqual([]);
        const confirmed = orders.filter(({ phase }) => phase === "CONFIRMED");
        expect([...inventory.reservations.keys()].toSorted()).toEqual(confirmed.map(({ id }) => id).toSorted());
        const sold = confirmed.flatMap(({ items }) => items).reduce((units, { quantity }) => units + quantity, 0);
        expect((inventory.products.get("101")?.stock ?? 0) + sold).toBe(world.units);

        const ids = new Map(orders.map((order) => [order.id, order]));
        for (const { key, order } of world.answered) {
          expect(["CONFIRMED", "CANCELLED"]).toContain(ids.get(order.id)?.phase);
          // One key never gets two orders.
          expect(world.answered.filter((other) => other.key === key).map((other) => other.order)).toSatisfy(
            (same: Order[]) => same.every((other) => other.id === order.id),
          );
        }
        for (const life of world.lives) life.stop();
        await database.close();
      }),
      { numRuns: testRuns(200) },
    );
  });
});
