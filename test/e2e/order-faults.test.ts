// The real user, product and order services in one process, over a network that loses, duplicates and delays calls.
import { randomUUID } from "node:crypto";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { createInMemoryPlatform, type Platform } from "../platform.ts";
import { eventually } from "./order-stack.ts";

let platform: Platform | undefined;
afterEach(() => platform?.stop());

/** Pseudo-random numbers; the same seed gives the same numbers (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A transport that injects faults while `isFaulty` returns true. */
function faulty(direct: Transport, random: () => number, isFaulty: () => boolean): Transport {
  return {
    stream: direct.stream.bind(direct),
    async unary(...call) {
      const fate = isFaulty() ? random() : 1;
      const lost = () => new ConnectError("connection reset", Code.Unavailable);
      if (fate < 0.1) {
        throw lost();
      }
      if (fate < 0.2) {
        // Takes effect, but the response is lost.
        await direct.unary(...call);
        throw lost();
      }
      if (fate < 0.3) {
        // Takes effect long after the caller gave up.
        setTimeout(() => void direct.unary(...call).catch(() => undefined), 300);
        throw lost();
      }
      if (fate < 0.4) {
        // A duplicate arrives later.
        setTimeout(() => void direct.unary(...call).catch(() => undefined), 200 * random());
      }
      return await direct.unary(...call);
    },
  };
}

describe("over a network that fails four calls in ten", () => {
  it("buyers who retry by request id get each order once, and stock and orders agree", async () => {
    const random = randomFrom(1);
    let isFaulty = true;
    platform = await createInMemoryPlatform({
      between: (caller, _, direct) => (caller === "order" ? faulty(direct, random, () => isFaulty) : direct),
    });
    const { orders, products } = platform;
    const got = new Map<string, string>();

    async function buy(buyer: number) {
      for (let count = 0; count < 5; count++) {
        const requestId = randomUUID();
        const productId = random() < 0.5 ? "101" : "102";
        const request = { userId: "1", items: [{ productId, quantity: 1 + (buyer % 3) }], requestId };
        for (let tries = 0; tries < 40 && !got.has(requestId); tries++) {
          // Long enough for an open circuit breaker to close before the last attempt.
          if (tries > 0) await new Promise((resolve) => setTimeout(resolve, 50));
          const answer = await orders.createOrder(request).catch((error: unknown) => ConnectError.from(error));
          if (!(answer instanceof ConnectError)) {
            got.set(requestId, answer.order?.id ?? "");
            if (random() < 0.2) {
              await orders.cancelOrder({ orderId: answer.order?.id ?? "" }).catch(() => undefined);
            }
          } else if (answer.code === Code.FailedPrecondition) {
            break;
          }
        }
      }
    }
    await Promise.all(Array.from({ length: 12 }, (_, buyer) => buy(buyer)));
    isFaulty = false;
    // Delayed calls have arrived by then.
    await new Promise((resolve) => setTimeout(resolve, 400));

    const all = async () => {
      const found = [];
      for (let pageToken = "", more = true; more; more = pageToken !== "") {
        const page = await orders.listOrders({ pageSize: 100, pageToken });
        found.push(...page.orders);
        pageToken = page.nextPageToken;
      }
      return found;
    };
    const database = platform.databases.order;
    const unsettled = async () => (await database.all("SELECT id FROM orders WHERE due_time IS NOT NULL")).length;
    expect(await eventually(unsettled, (count) => count === 0)).toBe(0);

    const confirmed = (await all()).filter(({ state }) => state === OrderState.CONFIRMED);
    for (const [productId, first] of [
      ["101", 50],
      ["102", 200],
    ] as const) {
      const lines = confirmed.flatMap(({ items }) => items).filter((item) => item.productId === productId);
      const sold = lines.reduce((units, { quantity }) => units + quantity, 0);
      expect((await products.getProduct({ productId: productId })).product?.stock).toBe(first - sold);
    }
    const standing = await platform.databases.product.all("SELECT order_id FROM reservations WHERE state = 'reserved'");
    expect(standing.map((row) => row.order_id).toSorted()).toEqual(confirmed.map(({ id }) => id).toSorted());

    const ids = [...got.values()];
    expect(new Set(ids).size).toBe(ids.length);
    const states = new Map((await all()).map(({ id, state }) => [id, state]));
    for (const id of ids) {
      expect([OrderState.CONFIRMED, OrderState.CANCELLED]).toContain(states.get(id));
    }
    // Most requests succeeded, so the checks above had orders to check.
    expect(ids.length).toBeGreaterThan(20);
  });
});
