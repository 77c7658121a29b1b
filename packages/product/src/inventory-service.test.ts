import { Code } from "@connectrpc/connect";
import { ReservationState } from "@parley/gen/product/v1/reservation_pb.js";
import { reasonOf } from "@parley/rpc";
import { expect, test } from "vitest";
import { refusal } from "./testing/refusal.ts";
import { openProductService, type TestProductService } from "./testing/test-product-service.ts";

const lines = [
  { productId: "102", quantity: 3 },
  { productId: "101", quantity: 2 },
];

test("a reservation takes all lines, and keeps the current names and prices", async () => {
  await using service = await openProductService();
  const { reservation } = await service.inventory.reserveStock({ orderId: "o", items: lines });
  expect(reservation).toMatchObject({
    orderId: "o",
    state: ReservationState.RESERVED,
    items: [
      { productId: "102", productName: "Mouse", quantity: 3, unitPrice: { units: 29n, nanos: 990_000_000 } },
      { productId: "101", productName: "Laptop", quantity: 2, unitPrice: { units: 999n, nanos: 990_000_000 } },
    ],
  });
  expect(await stockOf(service, "101", "102")).toEqual([48, 197]);
});

test("a repeated reservation returns the same, with the old price, and takes nothing more", async () => {
  await using service = await openProductService();
  const first = await service.inventory.reserveStock({ orderId: "o", items: lines });
  await service.products.updateProduct({
    product: { id: "101", name: "Dear", price: { currencyCode: "USD", units: 5000n } },
  });
  const again = await service.inventory.reserveStock({ orderId: "o", items: lines.toReversed() });
  expect(again).toEqual(first);
  expect(await stockOf(service, "101", "102")).toEqual([48, 197]);
});

test("one order sent 30 times at once is reserved once", async () => {
  await using service = await openProductService();
  const all = await Promise.all(
    Array.from({ length: 30 }, () => service.inventory.reserveStock({ orderId: "o", items: lines })),
  );
  for (const answer of all) {
    expect(answer).toEqual(all[0]);
  }
  expect(await stockOf(service, "101", "102")).toEqual([48, 197]);
});

test("a batch reserves or refuses each order by itself", async () => {
  await using service = await openProductService();
  const { results } = await service.inventory.batchReserveStock({
    requests: [
      { orderId: "o", items: lines },
      { orderId: "p", items: [{ productId: "101", quantity: 49 }] },
      { orderId: "q", items: [{ productId: "404", quantity: 1 }] },
      { orderId: "o", items: lines },
    ],
  });
  expect(results.map(({ result }) => [result.case, result.case === "error" ? result.value.code : 0])).toEqual([
    ["response", 0],
    ["error", Code.FailedPrecondition],
    ["error", Code.NotFound],
    ["response", 0],
  ]);
  expect(results[3]).toEqual(results[0]);
  expect(await stockOf(service, "101", "102")).toEqual([48, 197]);
});

test("lines of one product are summed up before they are checked", async () => {
  await using service = await openProductService();
  const half = { productId: "101", quantity: 26 };
  expect(await refusal(service.inventory.reserveStock({ orderId: "o", items: [half, half] }))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "INSUFFICIENT_STOCK",
    metadata: { productId: "101", productName: "Laptop", requested: "52", available: "50" },
  });
  const some = { productId: "101", quantity: 25 };
  const { reservation } = await service.inventory.reserveStock({ orderId: "p", items: [some, some] });
  expect(reservation?.items).toMatchObject([{ productId: "101", quantity: 50 }]);
  expect(await stockOf(service, "101")).toEqual([0]);
});

test("a shortage takes nothing of any line, reports the first short product, and names all", async () => {
  await using service = await openProductService();
  const items = [
    { productId: "105", quantity: 1 },
    { productId: "104", quantity: 76 },
    { productId: "101", quantity: 1 },
    { productId: "102", quantity: 500 },
  ];
  const error = await refusal(service.inventory.reserveStock({ orderId: "o", items }));
  expect(error.metadata).toEqual({ productId: "104", productName: "Monitor", requested: "76", available: "75" });
  expect(error.message).toContain("Monitor (104): 76 requested, 75 available");
  expect(error.message).toContain("Mouse (102): 500 requested, 200 available");
  expect(error.message).not.toContain("Laptop");
  expect(await stockOf(service, "101", "102", "104", "105")).toEqual([50, 200, 75, 100]);
  // A refused order may be retried with fewer units.
  await service.inventory.reserveStock({ orderId: "o", items: lines });
});

test("a product is short only if its own line asks for too much", async () => {
  await using service = await openProductService();
  const items = [
    { productId: "101", quantity: 30 },
    { productId: "102", quantity: 201 },
  ];
  const { message, metadata } = await refusal(service.inventory.reserveStock({ orderId: "o", items }));
  expect(metadata).toMatchObject({ productId: "102" });
  expect(message).not.toContain("Laptop");
});

test("an unknown or deleted product is reported before any shortage, and nothing is taken", async () => {
  await using service = await openProductService();
  await service.products.deleteProduct({ productId: "103" });
  for (const productId of ["999", "103"]) {
    const items = [...lines, { productId: "104", quantity: 1000 }, { productId, quantity: 1 }];
    expect(await refusal(service.inventory.reserveStock({ orderId: "o", items }))).toMatchObject({
      code: Code.NotFound,
      reason: "PRODUCT_NOT_FOUND",
      metadata: { productId },
    });
  }
  expect(await stockOf(service, "101", "102")).toEqual([50, 200]);
});

test("the same order with other lines is refused", async () => {
  await using service = await openProductService();
  await service.inventory.reserveStock({ orderId: "o", items: lines });
  const others = [
    lines.slice(1),
    [...lines, { productId: "103", quantity: 1 }],
    [{ productId: "102", quantity: 4 }, ...lines.slice(1)],
  ];
  for (const items of others) {
    expect(await refusal(service.inventory.reserveStock({ orderId: "o", items }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "RESERVATION_DIFFERS",
    });
  }
  expect(await stockOf(service, "101", "102")).toEqual([48, 197]);
});

test("a release returns stock once, also of a deleted product, and refuses a late reservation", async () => {
  await using service = await openProductService();
  await service.inventory.reserveStock({ orderId: "o", items: lines });
  await service.products.deleteProduct({ productId: "102" });
  const releases = await Promise.all(Array.from({ length: 5 }, () => service.inventory.releaseStock({ orderId: "o" })));
  for (const { reservation } of releases) {
    expect(reservation).toMatchObject({ state: ReservationState.RELEASED, items: [{}, {}] });
  }
  expect(await stockOf(service, "101")).toEqual([50]);
  expect(await service.database.get("SELECT stock FROM products WHERE id = '102'")).toEqual({ stock: 200 });
  expect(await refusal(service.inventory.reserveStock({ orderId: "o", items: lines }))).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "ORDER_RELEASED",
  });
});

test("a release before the reservation leaves a tombstone", async () => {
  await using service = await openProductService();
  const { reservation } = await service.inventory.releaseStock({ orderId: "o" });
  expect(reservation).toMatchObject({ orderId: "o", state: ReservationState.RELEASED, items: [] });
  const late = service.inventory.reserveStock({ orderId: "o", items: lines });
  expect(await refusal(late)).toMatchObject({ reason: "ORDER_RELEASED" });
  expect(await stockOf(service, "101", "102")).toEqual([50, 200]);
});

test("of 200 concurrent reservations of one unit as many succeed as there were units", async () => {
  await using service = await openProductService();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 200 }, (_, i) =>
      service.inventory.reserveStock({ orderId: `o${i}`, items: [{ productId: "101", quantity: 1 }] }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(50);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") {
      expect(reasonOf(outcome.reason)).toMatchObject({ reason: "INSUFFICIENT_STOCK", metadata: { available: "0" } });
    }
  }
  expect(await stockOf(service, "101")).toEqual([0]);
});

test("stock is set or changed, and never falls below zero", async () => {
  await using service = await openProductService();
  const set = await service.inventory.updateStock({ productId: "101", change: { case: "stock", value: 7 } });
  expect(set.product).toMatchObject({ id: "101", stock: 7, etag: "v1" });
  const added = await service.inventory.updateStock({ productId: "101", change: { case: "delta", value: -7 } });
  expect(added.product?.stock).toBe(0);
  const below = service.inventory.updateStock({ productId: "101", change: { case: "delta", value: -1 } });
  expect(await refusal(below)).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "INSUFFICIENT_STOCK",
    metadata: { productId: "101", requested: "1", available: "0" },
  });
  const beyond = service.inventory.updateStock({ productId: "102", change: { case: "delta", value: 1_000_000_000 } });
  expect(await refusal(beyond)).toMatchObject({ code: Code.FailedPrecondition, reason: "STOCK_TOO_LARGE" });
  const unknown = service.inventory.updateStock({ productId: "x", change: { case: "stock", value: 1 } });
  expect(await refusal(unknown)).toMatchObject({ code: Code.NotFound, reason: "PRODUCT_NOT_FOUND" });
});

test("100 concurrent additions are all counted, and one with a request id only once", async () => {
  await using service = await openProductService();
  const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a222";
  await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      service.inventory.updateStock({
        productId: "101",
        change: { case: "delta", value: 1 },
        requestId: i < 50 ? requestId : "",
      }),
    ),
  );
  expect(await stockOf(service, "101")).toEqual([50 + 50 + 1]);
});

test("a change refused with a request id stays refused, even if a late copy of it arrives when there is enough", async () => {
  await using service = await openProductService();
  const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a333";
  const takeAway = () =>
    service.inventory.updateStock({ productId: "101", change: { case: "delta", value: -60 }, requestId });
  const first = await refusal(takeAway());
  expect(first).toMatchObject({ code: Code.FailedPrecondition, reason: "INSUFFICIENT_STOCK" });
  await service.inventory.updateStock({ productId: "101", change: { case: "delta", value: 100 } });
  expect(await refusal(takeAway())).toEqual(first);
  expect(await stockOf(service, "101")).toEqual([150]);
  const other = { productId: "101", change: { case: "delta", value: -1 }, requestId } as const;
  expect(await refusal(service.inventory.updateStock(other))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
});

test.each([
  ["no lines", { orderId: "o", items: [] }],
  ["101 lines", { orderId: "o", items: Array.from({ length: 101 }, () => ({ productId: "101", quantity: 1 })) }],
  ["no order id", { orderId: "", items: lines }],
  ["a quantity of 0", { orderId: "o", items: [{ productId: "101", quantity: 0 }] }],
  ["a negative quantity", { orderId: "o", items: [{ productId: "101", quantity: -1 }] }],
])("a reservation with %s is invalid", async (_name, request) => {
  await using service = await openProductService();
  expect((await refusal(service.inventory.reserveStock(request))).code).toBe(Code.InvalidArgument);
});

test("a stock update without stock and delta is invalid", async () => {
  await using service = await openProductService();
  expect((await refusal(service.inventory.updateStock({ productId: "101" }))).code).toBe(Code.InvalidArgument);
});

test("a check returns the stock of each product, and names unknown ones", async () => {
  await using service = await openProductService();
  const ask = (quantity: number) => [
    { productId: "101", quantity },
    { productId: "102", quantity: 1 },
    { productId: "101", quantity: 25 },
  ];
  expect(await service.inventory.checkStock({ items: ask(25) })).toMatchObject({
    available: true,
    levels: [
      { productId: "101", requested: 50, available: 50 },
      { productId: "102", requested: 1, available: 200 },
    ],
  });
  expect(await service.inventory.checkStock({ items: ask(26) })).toMatchObject({ available: false });
  expect(await refusal(service.inventory.checkStock({ items: [{ productId: "x", quantity: 1 }] }))).toMatchObject({
    code: Code.NotFound,
    metadata: { productId: "x" },
  });
});

async function stockOf({ products }: TestProductService, ...ids: string[]): Promise<number[]> {
  return (await products.batchGetProducts({ productIds: ids })).products.map(({ stock }) => stock);
}
