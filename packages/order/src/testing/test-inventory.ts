import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ReleaseStockResponseSchema, ReserveStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { type Clock, reasonError, sleep } from "@parley/rpc";
import { markDeliveryStatus } from "@parley/rpc/client";
import { addUp, type OrderLine } from "../order-line.ts";
import type { InventoryClient } from "../saga/stock.ts";

/** The faults of the test product service. */
export type Trouble =
  /** The connection is refused: the call never arrives. */
  | "never-sent"
  /** There is no connection until the deadline passes: the call never arrives. */
  | "never-sent-late"
  /** The call takes effect, and is answered only just in time. */
  | "slow"
  /** The request is lost. */
  | "lost"
  /** The call takes effect, but its answer is lost. */
  | "answer-lost"
  /** The call never arrives, without an error: the deadline passes. */
  | "silent"
  /** The service answers INTERNAL. */
  | "broken"
  /** The connection breaks, and the call takes effect long after. */
  | "late"
  /** The call is answered, and a copy of it takes effect long after. */
  | "copied";

/** How late a `late` or `copied` call takes effect, in milliseconds: after the deadline of any order. */
const latenessMs = 7_000;

interface TestProduct {
  readonly name: string;
  readonly units: bigint;
  readonly nanos: number;
  readonly currencyCode: string;
  stock: number;
}

/** A product service in memory that follows its contract, with faults on demand. */
export interface TestInventory extends InventoryClient {
  readonly products: Map<string, TestProduct>;
  /** Lines by order, for each valid reservation. */
  readonly reservations: Map<string, readonly OrderLine[]>;
  /** Orders that can no longer reserve. */
  readonly released: Set<string>;
  /** The calls that arrived or were lost, for example `reserve` and `release`. */
  readonly calls: string[];
  /** The faults of the next calls of a method, one each; `always` for all calls until it is undefined. */
  readonly trouble: { reserve: Trouble[]; release: Trouble[]; always?: Trouble | undefined };
  /** Called when a reservation arrives, before it is handled. */
  onReserve?: ((orderId: string) => Promise<void>) | undefined;
}

export function createTestInventory(clock: Clock): TestInventory {
  const products = new Map<string, TestProduct>([
    ["101", { name: "Laptop", units: 999n, nanos: 990_000_000, currencyCode: "USD", stock: 50 }],
    ["102", { name: "Mouse", units: 29n, nanos: 990_000_000, currencyCode: "USD", stock: 200 }],
    ["900", { name: "Käse", units: 5n, nanos: 0, currencyCode: "EUR", stock: 10 }],
    ["901", { name: "Moon", units: 1_000_000_000_000_000n, nanos: 0, currencyCode: "USD", stock: 10 }],
  ]);
  const reservations = new Map<string, readonly OrderLine[]>();
  const released = new Set<string>();
  const trouble: TestInventory["trouble"] = { reserve: [], release: [] };
  const calls: string[] = [];

  async function withTrouble<T>(kind: Trouble | undefined, timeoutMs: number, answer: () => T): Promise<T> {
    switch (kind) {
      case "never-sent":
        throw markDeliveryStatus(new ConnectError("connection refused", Code.Unavailable), "unsent");
      case "never-sent-late":
        await sleep(clock, timeoutMs);
        throw markDeliveryStatus(new ConnectError("no connection", Code.Unavailable), "unsent");
      case "slow": {
        const result = answer();
        await sleep(clock, timeoutMs * 0.9);
        return result;
      }
      case "lost":
        throw new ConnectError("connection reset", Code.Unavailable);
      case "answer-lost":
        answer();
        throw new ConnectError("connection reset", Code.Unavailable);
      case "silent":
        await sleep(clock, timeoutMs);
        throw new ConnectError("the deadline passed", Code.DeadlineExceeded);
      case "broken":
        throw new ConnectError("oops", Code.Internal);
      case "late":
        clock.after(latenessMs, () => ignoringRefusal(answer));
        throw new ConnectError("connection reset", Code.Unavailable);
      case "copied":
        clock.after(latenessMs, () => ignoringRefusal(answer));
        return answer();
      case undefined:
        return answer();
    }
  }

  function reserve(orderId: string, items: readonly OrderLine[]) {
    if (released.has(orderId))
      throw reasonError(Code.FailedPrecondition, { reason: "ORDER_RELEASED", message: "gone" });
    const lines = reservations.get(orderId) ?? addUp(items);
    const all = lines.map(({ productId, quantity }) => ({ productId, quantity, product: products.get(productId) }));
    for (const { productId, product } of all) {
      if (product !== undefined) continue;
      throw reasonError(Code.NotFound, {
        reason: "PRODUCT_NOT_FOUND",
        message: `There is no product ${productId}.`,
        metadata: { productId },
      });
    }
    if (!reservations.has(orderId)) {
      for (const { productId, quantity, product } of all) {
        if (product === undefined || product.stock >= quantity) continue;
        throw reasonError(Code.FailedPrecondition, {
          reason: "INSUFFICIENT_STOCK",
          message: `${product.name}: ${quantity} requested, ${product.stock} available.`,
          metadata: { productId, requested: String(quantity), available: String(product.stock) },
        });
      }
      for (const { quantity, product } of all) if (product !== undefined) product.stock -= quantity;
      reservations.set(orderId, lines);
    }
    const reserved = all.map(({ productId, quantity, product }) => ({
      productId,
      quantity,
      productName: product?.name ?? "",
      unitPrice: { units: product?.units ?? 0n, nanos: product?.nanos ?? 0, currencyCode: product?.currencyCode ?? "" },
    }));
    return create(ReserveStockResponseSchema, { reservation: { orderId, items: reserved } });
  }

  function release(orderId: string) {
    for (const { productId, quantity } of reservations.get(orderId) ?? []) {
      const product = products.get(productId);
      if (product !== undefined) product.stock += quantity;
    }
    reservations.delete(orderId);
    released.add(orderId);
    return create(ReleaseStockResponseSchema, { reservation: { orderId } });
  }

  const inventory: TestInventory = {
    products,
    reservations,
    released,
    trouble,
    calls,
    async reserveStock(request, options) {
      const { orderId = "", items = [] } = request;
      calls.push("reserve");
      await inventory.onReserve?.(orderId);
      const lines = items.map(({ productId = "", quantity = 0 }) => ({ productId, quantity }));
      return withTrouble(trouble.reserve.shift() ?? trouble.always, options?.timeoutMs ?? 0, () =>
        reserve(orderId, lines),
      );
    },
    async releaseStock({ orderId = "" }, options) {
      calls.push("release");
      return withTrouble(trouble.release.shift() ?? trouble.always, options?.timeoutMs ?? 0, () => release(orderId));
    },
  };
  return inventory;
}

/** Ignores the refusal of a late call, whose caller no longer waits. */
function ignoringRefusal(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ConnectError)) {
      throw error;
    }
  }
}
