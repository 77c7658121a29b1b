import { createTestClock } from "@parley/rpc/testing";
import { openTestDatabase, testRuns } from "@parley/store/testing";
import { describe, expect, it } from "vitest";
import { orderMigrations } from "../migrations/index.ts";
import { isSettled } from "../order.ts";
import { createTestInventory } from "../testing/test-inventory.ts";
import { createTestOrders, type TestOrders } from "../testing/test-orders.ts";
import { backoff, backoffMsMax } from "./recovery.ts";

const request = { userId: "1", items: [{ productId: "101", quantity: 2 }] };
const repeatable = { ...request, requestId: "018f0000-0000-7000-8000-000000000001" };

async function createWorld() {
  const clock = createTestClock();
  const database = await openTestDatabase({ migrations: orderMigrations, clock });
  return { clock, database, inventory: createTestInventory(clock) };
}

/** Advances the clock until every order is settled; returns the milliseconds. */
async function untilSettled({ store, clock }: TestOrders, limitMs = 120_000): Promise<number> {
  for (let passedMs = 0; passedMs <= limitMs; passedMs += 100) {
    const all = await store.list({}, 1_000);
    if (all.every(({ phase }) => isSettled(phase)) && (await store.due(1, Number.MAX_SAFE_INTEGER)).length === 0)
      return passedMs;
    await clock.advance(100);
  }
  throw new Error("not settled in time");
}

/** A process that crashes at a checkpoint. Returns the number of checkpoints that it passed. */
async function dieAt(
  world: Awaited<ReturnType<typeof createWorld>>,
  point: number,
  work: (life: TestOrders) => Promise<unknown>,
) {
  const passed: string[] = [];
  const died = Promise.withResolvers<void>();
  const life = await createTestOrders({
    ...world,
    checkpoint(name) {
      if (passed.length >= point) {
        died.resolve();
        return new Promise<void>(() => undefined);
      }
      passed.push(name);
      return undefined;
    },
  });
  await Promise.race([
    work(life)
      .catch(() => undefined)
      .then(() => life.idle()),
    died.promise,
  ]);
  life.stop();
  return passed;
}

describe("recovery", () => {
  const works: Readonly<Record<string, (life: TestOrders) => Promise<unknown>>> = {
    "an order": (life) => life.place(request),
    "a repeatable order": (life) => life.place(repeatable),
    "an order that is too large": (life) => life.place({ ...repeatable, items: [{ productId: "101", quantity: 60 }] }),
    "an order of an unknown product": (life) =>
      life.place({ ...repeatable, items: [{ productId: "999", quantity: 1 }] }),
    "an order in two currencies": (life) =>
      life.place({ userId: "1", items: [...request.items, { productId: "900", quantity: 1 }] }),
    "an order whose answer was lost": (life) => {
      life.inventory.trouble.reserve = ["answer-lost"];
      return life.place(repeatable);
    },
    "a cancellation": async (life) => life.cancel((await life.place(repeatable)).id),
  };

  for (const [name, work] of Object.entries(works)) {
    it(`settles ${name} wherever the process died, and again if the next one dies too`, async () => {
      const all = await dieAt(await createWorld(), Number.POSITIVE_INFINITY, work);
      expect(all.length).toBeGreaterThan(2);
      for (let first = 0; first <= all.length; first++) {
        // With a database server, which takes a hundred times as long, each first crash is followed by one second crash only.
        for (let second = testRuns(8) < 8 ? first % 8 : 0; second < 8; second += testRuns(8) < 8 ? 8 : 1) {
          const world = await createWorld();
          await dieAt(world, first, work);
          await dieAt(world, second, (life) => life.recovery.start());
          const last = await createTestOrders(world);
          await last.recovery.start();
          await untilSettled(last);
          await expectInvariants(last);
          last.stop();
          await world.database.close();
        }
      }
    });
  }

  async function expectInvariants({ store, inventory }: TestOrders) {
    const standing = [...inventory.reservations.keys()].toSorted();
    const confirmed = (await store.list({ state: "CONFIRMED" }, 1_000)).map(({ id }) => id).toSorted();
    expect(standing).toEqual(confirmed);
    const reserved = [...inventory.reservations.values()].flat().filter(({ productId }) => productId === "101");
    const units = reserved.reduce((sum, { quantity }) => sum + quantity, 0);
    expect((inventory.products.get("101")?.stock ?? 0) + units).toBe(50);
  }

  it("continues an order with a request id, and the repeated request gets it", async () => {
    const world = await createWorld();
    const passed = await dieAt(world, 5, (life) => life.place(repeatable));
    expect(passed.at(-1)).toBe("before ReserveStock");
    const next = await createTestOrders(world);
    await next.recovery.start();
    await untilSettled(next);
    const [order] = await next.store.list({}, 1);
    expect(order?.phase).toBe("CONFIRMED");
    expect((await next.place(repeatable)).id).toBe(order?.id);
    expect(world.inventory.products.get("101")?.stock).toBe(48);
  });

  it("rejects an order without a request id", async () => {
    const world = await createWorld();
    await dieAt(world, 6, (life) => life.place(request));
    expect(world.inventory.products.get("101")?.stock).toBe(48);
    const next = await createTestOrders(world);
    await next.recovery.start();
    await untilSettled(next);
    expect(await next.store.list({}, 1)).toMatchObject([
      { phase: "REJECTED", stateReason: "The order was interrupted." },
    ]);
    expect(world.inventory.products.get("101")?.stock).toBe(50);
    expect(next.eventTypes()).toEqual(["parley.order.rejected.v1"]);
  });

  it("releases a reservation from before the restart, although the call after the restart was never sent", async () => {
    const world = await createWorld();
    await dieAt(world, 5, (life) => life.place(repeatable));
    expect(world.inventory.products.get("101")?.stock).toBe(48);
    world.inventory.trouble.reserve = ["never-sent"];
    const next = await createTestOrders(world);
    await expect(next.place(repeatable)).rejects.toThrow("unavailable");
    await next.idle();
    expect(await next.store.list({}, 1)).toMatchObject([{ phase: "REJECTED" }]);
    expect(world.inventory.products.get("101")?.stock).toBe(50);
  });

  it("takes over its own orders at once after a restart, and waits for the lease of another process", async () => {
    const waited: Record<string, number> = {};
    for (const owner of ["first", "second"]) {
      const world = await createWorld();
      await dieAt({ ...world, ...{ owner: "first" } }, 6, (life) => life.place(repeatable));
      const next = await createTestOrders({ ...world, owner });
      await next.recovery.start();
      waited[owner] = await untilSettled(next);
    }
    expect(waited.first).toBeLessThan(1_000);
    expect(waited.second).toBeGreaterThan(5_000);
  });

  describe("of two processes on one database, of which one cannot reach the product service", () => {
    const ways: Readonly<
      Record<
        string,
        { owners: readonly [string, string]; request: typeof request; takeOver: (life: TestOrders) => unknown }
      >
    > = {
      "while the other answers the same request": {
        owners: ["first", "second"],
        request: repeatable,
        takeOver: (life) => life.place(repeatable).catch(() => undefined),
      },
      "while the other recovers it": {
        owners: ["first", "second"],
        request: repeatable,
        takeOver: async (life) => {
          await life.clock.advance(8_000);
          await life.recovery.start();
        },
      },
      "while another of the same name adopts it as its own": {
        owners: ["only", "only"],
        request: repeatable,
        takeOver: (life) => life.recovery.start(),
      },
    };

    it.each(Object.entries(ways))("no stock is lost %s", async (_, { owners, request, takeOver }) => {
      const world = await createWorld();
      const { inventory } = world;
      const unsent = Promise.withResolvers<void>();
      inventory.trouble.reserve = ["never-sent"];
      const reached = Promise.withResolvers<void>();
      inventory.onReserve = () => {
        inventory.onReserve = undefined;
        // Errors in the meantime do not matter.
        inventory.trouble.reserve = [];
        reached.resolve();
        return unsent.promise.then(() => {
          inventory.trouble.reserve = ["never-sent"];
        });
      };
      const first = await createTestOrders({ ...world, owner: owners[0] });
      const placed = first.place(request, 20_000).catch((error: Error) => error.message);
      await reached.promise;

      let hasReserved = false;
      const confirm = Promise.withResolvers<void>();
      const second = await createTestOrders({
        ...world,
        owner: owners[1],
        async checkpoint(name) {
          if (name === "before CONFIRMED") {
            hasReserved = true;
            await confirm.promise;
          }
        },
      });
      void takeOver(second);
      for (let passedMs = 0; passedMs < 20_000 && !hasReserved; passedMs += 500) await world.clock.advance(500);
      expect(hasReserved).toBe(true);
      // The second has reserved the stock, and the first now learns that its own call was never sent.
      unsent.resolve();
      await placed;
      confirm.resolve();
      await first.recovery.start();
      await untilSettled(second);
      await expectInvariants(second);
      first.stop();
      second.stop();
      await world.database.close();
    });
  });

  it("takes an order over at once if its due time was written before the clock was set back by an hour", async () => {
    const world = await createWorld();
    const hourMs = 60 * 60_000;
    const ahead = { ...world.clock, now: () => world.clock.now() + hourMs };
    await dieAt({ ...world, ...{ owner: "first", clock: ahead } }, 6, (life) => life.place(repeatable));
    const next = await createTestOrders({ ...world, owner: "second" });
    await next.recovery.start();
    await next.clock.advance(5_000);
    await next.idle();
    expect(await next.store.list({}, 1)).toMatchObject([{ phase: "CONFIRMED" }]);
    await expectInvariants(next);
  });

  it("continues in the same process after its clock was set back by an hour", async () => {
    const world = await createWorld();
    let setBackMs = 0;
    const clock = { ...world.clock, now: () => world.clock.now() - setBackMs };
    const life = await createTestOrders({ ...world, clock });
    await life.recovery.start();
    world.inventory.trouble.always = "lost";
    await life.place(request).catch(() => undefined);
    await world.clock.advance(5_000);
    setBackMs = 60 * 60_000;
    world.inventory.trouble.always = undefined;
    expect(await untilSettled(life)).toBeLessThan(backoffMsMax + 5_000);
    await expectInvariants(life);
  });

  it("leaves orders in progress in its own process alone", async () => {
    const world = await createWorld();
    const life = await createTestOrders(world);
    await life.recovery.start();
    world.inventory.onReserve = async () => {
      world.inventory.onReserve = undefined;
      for (let steps = 0; steps < 200; steps++) await world.clock.advance(100);
    };
    expect(await life.place(request)).toMatchObject({ phase: "CONFIRMED" });
    expect(world.inventory.calls).toEqual(["reserve"]);
  });

  it("keeps retrying while the product service is down, with backoff, and settles all soon after its return", async () => {
    const world = await createWorld();
    const life = await createTestOrders(world);
    await life.recovery.start();
    world.inventory.trouble.always = "lost";
    const places = Array.from({ length: 40 }, () => life.place(request).catch((error: unknown) => error));
    await Promise.all(places);
    for (let passedMs = 0; passedMs < 60_000; passedMs += 100) await world.clock.advance(100);
    const callsPerOrder = world.inventory.calls.length / 40;
    expect(callsPerOrder).toBeGreaterThan(5);
    expect(callsPerOrder).toBeLessThan(40);
    world.inventory.trouble.always = undefined;
    expect(await untilSettled(life)).toBeLessThan(backoffMsMax + 5_000);
    expect(world.inventory.products.get("101")?.stock).toBe(50);
    await expectInvariants(life);
  });

  it("waits longer after each failed try, up to a limit, and never twice the same for all", () => {
    const waits = Array.from({ length: 12 }, (_, attempts) => backoff(attempts, 0));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits.at(-1)).toBe(backoffMsMax);
    expect(backoff(3, 0.99)).toBeLessThan(backoff(3, 0));
  });
});
