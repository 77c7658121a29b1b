import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { testRuns } from "@parley/store/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openProductService, type TestProductService } from "../testing/test-product-service.ts";

const productIds = ["101", "102", "103"];
const productId = fc.constantFrom(...productIds);
const orderId = fc.constantFrom("a", "b", "c", "d");
const step = fc.oneof(
  fc.record({
    kind: fc.constant("reserve" as const),
    orderId,
    items: fc.array(fc.record({ productId, quantity: fc.integer({ min: 1, max: 40 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
  fc.record({ kind: fc.constant("release" as const), orderId }),
  fc.record({ kind: fc.constant("add" as const), productId, value: fc.integer({ min: -60, max: 60 }) }),
  fc.record({ kind: fc.constant("set" as const), productId, value: fc.integer({ min: 0, max: 60 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

test("available plus reserved units change only by restocks, none is negative, and every change has an event", async () => {
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(rounds, async (calls) => {
      await using service = await openProductService();
      const atFirst = await available(service);
      for (const atOnce of calls) {
        const before = await totals(service);
        const outcomes = await Promise.all(atOnce.map((call) => perform(service, call)));
        const after = await totals(service);
        for (const id of productIds) {
          const added = atOnce.reduce(
            (sum, call, i) => sum + (outcomes[i] && call.kind === "add" && call.productId === id ? call.value : 0),
            0,
          );
          const wasSet = atOnce.some((call) => call.kind === "set" && call.productId === id);
          const change = (after.get(id) ?? 0) - (before.get(id) ?? 0);
          if (!wasSet) {
            expect(change).toBe(added);
          }
        }
      }
      const now = await available(service);
      const published = await publishedDeltas(service);
      for (const id of productIds) {
        expect(now.get(id)).toBeGreaterThanOrEqual(0);
        expect(now.get(id)).toBe((atFirst.get(id) ?? 0) + (published.get(id) ?? 0));
      }
    }),
    { numRuns: testRuns(60) },
  );
});

/** Whether the call took effect. A refusal is no failure here; every other error is. */
async function perform({ inventory }: TestProductService, call: Step): Promise<boolean> {
  try {
    switch (call.kind) {
      case "reserve":
        await inventory.reserveStock(call);
        break;
      case "release":
        await inventory.releaseStock(call);
        break;
      case "add":
        await inventory.updateStock({ productId: call.productId, change: { case: "delta", value: call.value } });
        break;
      case "set":
        await inventory.updateStock({ productId: call.productId, change: { case: "stock", value: call.value } });
    }
    return true;
  } catch (error) {
    expect([Code.FailedPrecondition, Code.InvalidArgument]).toContain(ConnectError.from(error).code);
    return false;
  }
}

async function available({ products }: TestProductService): Promise<Map<string, number>> {
  const answer = await products.batchGetProducts({ productIds: productIds });
  return new Map(answer.products.map(({ id, stock }) => [id, stock]));
}

/** Available plus reserved units, by product. */
async function totals(service: TestProductService): Promise<Map<string, number>> {
  const sums = await available(service);
  const rows = await service.database.all<{ items: string }>("SELECT items FROM reservations WHERE state = 'reserved'");
  for (const row of rows) {
    for (const [id, , quantity] of JSON.parse(row.items) as [string, string, number][]) {
      sums.set(id, (sums.get(id) ?? 0) + quantity);
    }
  }
  return sums;
}

async function publishedDeltas({ database }: TestProductService): Promise<Map<string, number>> {
  const deltas = new Map<string, number>();
  for (const row of await database.all<{ event: Uint8Array }>("SELECT event FROM event_log ORDER BY sequence")) {
    const { payload } = fromBinary(EventSchema, row.event);
    if (payload.case === "stockChanged") {
      const { productId: id, delta } = payload.value;
      deltas.set(id, (deltas.get(id) ?? 0) + delta);
    }
  }
  return deltas;
}
