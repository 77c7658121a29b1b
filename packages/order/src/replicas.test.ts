import { createClient } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import { describeReplicas, type Replicas } from "@parley/store/testing";
import { expect, test } from "vitest";
import { createOrderModule, orderMigrations } from "./index.ts";
import { sweepIntervalMs } from "./saga/recovery.ts";
import { createTestInventory } from "./testing/test-inventory.ts";
import { createTestUsers } from "./testing/test-orders.ts";

const hourMs = 60 * 60_000;
const request = { userId: "1", items: [{ productId: "101", quantity: 1 }] };
/** A sweep and a wait for a connection, on a machine that may be busy. */
const settleMsMax = 20_000;

describeReplicas("replicas of the order service whose own clocks are wrong by hours", (openReplicas) => {
  /** A replica of which no call to the product service is answered before `go` resolves. */
  function start(database: Replicas["databases"][number], { name, skewMs }: { name: string; skewMs: number }) {
    const system = systemEnvironment({ name, logLevel: "silent" });
    const clock = { ...system.clock, now: () => system.clock.now() + skewMs };
    const environment = { ...system, clock };
    const inventory = createTestInventory(clock);
    const users = createTestUsers();
    const module = createOrderModule({ environment, database, users, inventory, owner: name });
    const orders = createClient(OrderService, connectInMemory(module, environment));
    return { module, inventory, orders };
  }

  async function startTwo() {
    const replicas = await openReplicas(orderMigrations, 2);
    const [database, other] = replicas.databases as [Replicas["databases"][0], Replicas["databases"][0]];
    const ahead = start(database, { name: "ahead", skewMs: hourMs });
    const behind = start(other, { name: "behind", skewMs: -hourMs });
    for (const { module } of [ahead, behind]) await module.start?.();
    return {
      ahead,
      behind,
      database,
      async [Symbol.asyncDispose]() {
        for (const { module } of [ahead, behind]) await module.stop?.();
        await replicas[Symbol.asyncDispose]();
      },
    };
  }

  test("leave each other's orders alone until their leases have run out", async () => {
    await using world = await startTwo();
    const { ahead, behind, database } = world;
    const go = Promise.withResolvers<void>();
    for (const { inventory } of [ahead, behind]) inventory.onReserve = () => go.promise;
    const placed = [ahead, behind].map(({ orders }) => orders.createOrder(request));
    await expect.poll(() => ahead.inventory.calls.length + behind.inventory.calls.length).toBe(2);
    // Long enough for a sweep of each, far shorter than the leases.
    await new Promise((resolve) => setTimeout(resolve, 2 * sweepIntervalMs));
    expect(await database.all("SELECT owner, attempts FROM orders ORDER BY owner")).toEqual([
      { owner: "ahead", attempts: 0 },
      { owner: "behind", attempts: 0 },
    ]);
    go.resolve();
    for (const answer of await Promise.all(placed)) expect(answer.order?.state).toBe(OrderState.CONFIRMED);
    expect([ahead.inventory.calls, behind.inventory.calls]).toEqual([["reserve"], ["reserve"]]);
  });

  test.each(["ahead", "behind"] as const)(
    "settle the orders that a dead replica left, if they are %s",
    async (name) => {
      await using world = await startTwo();
      const { ahead, behind, database } = world;
      const [dead, alive] = name === "ahead" ? [behind, ahead] : [ahead, behind];
      // The call is never answered: the process is as good as dead.
      dead.inventory.onReserve = () => new Promise(() => {});
      dead.orders.createOrder(request, { timeoutMs: 500 }).catch(() => {});
      await expect.poll(() => dead.inventory.calls.length).toBe(1);
      await expect
        .poll(() => database.all("SELECT state, owner FROM orders"), { timeout: settleMsMax, interval: 200 })
        .toEqual([{ state: "REJECTED", owner: name }]);
      expect(alive.inventory.calls).toEqual(["release"]);
    },
  );
});
