import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { refusal } from "./testing/refusal.ts";
import { openProductService } from "./testing/test-product-service.ts";

const price = { currencyCode: "EUR", units: 12n, nanos: 500_000_000 };
const requestId = "0d9d1f5e-6d0f-4a8e-9a55-64e0c7f0a111";

test("a new product can be read, and has an id of its own", async () => {
  await using service = await openProductService();
  const { product } = await service.products.createProduct({ name: "Lamp", price, stock: 7, lowStockThreshold: 2 });
  expect(product).toMatchObject({ name: "Lamp", price, stock: 7, lowStockThreshold: 2, description: "", etag: "v1" });
  expect(product?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  expect((await service.products.getProduct({ productId: product?.id ?? "" })).product).toEqual(product);
});

test("the sample products are those of the contract", async () => {
  await using service = await openProductService();
  const { products } = await service.products.batchGetProducts({ productIds: ["105", "101", "104", "102", "103"] });
  expect(products.map(({ id, name, price, stock }) => [id, name, price?.units, price?.nanos, stock])).toEqual([
    ["105", "Headphones", 149n, 990_000_000, 100],
    ["101", "Laptop", 999n, 990_000_000, 50],
    ["104", "Monitor", 299n, 990_000_000, 75],
    ["102", "Mouse", 29n, 990_000_000, 200],
    ["103", "Keyboard", 79n, 990_000_000, 150],
  ]);
});

test("products are listed oldest first, a page at a time, each once, also while new ones are added", async () => {
  await using service = await openProductService();
  await service.clock.advance(1_000);
  const { product: later } = await service.products.createProduct({ name: "Later", price });
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await service.products.listProducts({ pageSize: 2, pageToken });
    ids.push(...page.products.map(({ id }) => id));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(ids).toEqual(["101", "102", "103", "104", "105", later?.id]);
});

test("the last page has no token, even when it is full", async () => {
  await using service = await openProductService();
  expect((await service.products.listProducts({ pageSize: 5 })).nextPageToken).toBe("");
  expect((await service.products.listProducts({ pageSize: 4 })).nextPageToken).not.toBe("");
});

test("an invalid page token is refused, naming the field", async () => {
  await using service = await openProductService();
  const { nextPageToken } = await service.products.listProducts({ pageSize: 1 });
  for (const pageToken of ["x", "1", `${nextPageToken.slice(0, -2)}AA`, "%%%"]) {
    expect(await refusal(service.products.listProducts({ pageToken }))).toMatchObject({
      code: Code.InvalidArgument,
      reason: "INVALID_PAGE_TOKEN",
      metadata: { field: "page_token" },
    });
  }
});

test("an update changes only the fields in the mask", async () => {
  await using service = await openProductService();
  const before = (await service.products.getProduct({ productId: "101" })).product;
  await service.clock.advance(5_000);
  const { product } = await service.products.updateProduct({
    product: { id: "101", name: "Notebook", description: "not named", lowStockThreshold: 3 },
    updateMask: { paths: ["name", "low_stock_threshold"] },
  });
  expect(product).toMatchObject({
    name: "Notebook",
    description: before?.description,
    lowStockThreshold: 3,
    etag: "v2",
  });
  expect(product?.updateTime?.seconds).toBe((before?.updateTime?.seconds ?? 0n) + 5n);
  expect(product?.createTime).toEqual(before?.createTime);
});

test("a mask can clear a description; an empty mask keeps unset fields", async () => {
  await using service = await openProductService();
  const unmasked = await service.products.updateProduct({ product: { id: "101", price } });
  expect(unmasked.product).toMatchObject({ name: "Laptop", price, description: expect.stringMatching(/.+/) });
  const masked = await service.products.updateProduct({
    product: { id: "101" },
    updateMask: { paths: ["description"] },
  });
  expect(masked.product).toMatchObject({ name: "Laptop", description: "" });
});

test("an update that changes nothing keeps the etag", async () => {
  await using service = await openProductService();
  const { product } = await service.products.updateProduct({ product: { id: "101", name: "Laptop" } });
  expect(product?.etag).toBe("v1");
});

test("an update with an old etag is refused, and a change of stock keeps the etag", async () => {
  await using service = await openProductService();
  await service.inventory.updateStock({ productId: "101", change: { case: "delta", value: 5 } });
  await service.products.updateProduct({ product: { id: "101", name: "A", etag: "v1" } });
  const error = await refusal(service.products.updateProduct({ product: { id: "101", name: "B", etag: "v1" } }));
  expect(error).toMatchObject({
    code: Code.Aborted,
    reason: "ETAG_MISMATCH",
    metadata: { productId: "101", etag: "v2" },
  });
  expect((await service.products.getProduct({ productId: "101" })).product?.name).toBe("A");
});

test("a revision changes with the stock, and is accepted in place of an etag", async () => {
  await using service = await openProductService();
  const { product } = await service.products.getProduct({ productId: "101" });
  const { etag = "", revision = "" } = product ?? {};
  expect(revision.startsWith(`${etag}.`)).toBe(true);
  const change = { case: "delta", value: 5 } as const;
  const sold = await service.inventory.updateStock({ productId: "101", change, etag: revision });
  expect(sold.product?.etag).toBe(etag);
  expect(sold.product?.revision).not.toBe(revision);
  const mismatch = {
    code: Code.Aborted,
    reason: "ETAG_MISMATCH",
    metadata: { productId: "101", etag, revision: sold.product?.revision },
  };
  expect(await refusal(service.inventory.updateStock({ productId: "101", change, etag: revision }))).toMatchObject(
    mismatch,
  );
  const update = (sent: string) => service.products.updateProduct({ product: { id: "101", name: "A", etag: sent } });
  expect(await refusal(update(revision))).toMatchObject(mismatch);
  expect(await refusal(service.products.deleteProduct({ productId: "101", etag: revision }))).toMatchObject(mismatch);
  expect((await service.inventory.updateStock({ productId: "101", change, etag })).product?.stock).toBe(60);
  expect((await update(etag)).product?.name).toBe("A");
});

test("a mask changes a part of a price, and leaves the rest", async () => {
  await using service = await openProductService();
  const update = (paths: string[], part: object) =>
    service.products.updateProduct({ product: { id: "101", price: part }, updateMask: { paths } });
  const units = await update(["price.units"], { units: 5n });
  expect(units.product?.price).toMatchObject({ currencyCode: "USD", units: 5n, nanos: 990_000_000 });
  const both = await update(["price.nanos", "price.currency_code"], { currencyCode: "EUR" });
  expect(both.product?.price).toMatchObject({ currencyCode: "EUR", units: 5n, nanos: 0 });
});

test.each([
  ["a part that a price does not have", { price: { units: 1n } }, ["price.pounds"]],
  ["a part of a name", { name: "X" }, ["name.first"]],
  ["a part of a price that is not there", {}, ["price.units"]],
  ["a part of a price with no currency", { price: { units: 1n } }, ["price.currency_code"]],
  ["an empty name", { name: "" }, ["name"]],
  ["a name with NUL", { name: "A\0" }, ["name"]],
  ["a description with an escape", { description: "\u001b[2J" }, ["description"]],
  ["no price", {}, ["price"]],
  ["a currency that is none", { price: { currencyCode: "euro", units: 1n } }, ["price"]],
  ["a negative price", { price: { currencyCode: "EUR", units: -1n } }, ["price"]],
  ["a negative threshold", { lowStockThreshold: -1 }, ["low_stock_threshold"]],
  ["a field that cannot be changed", { stock: 5 }, ["stock"]],
])("an update to %s is invalid", async (_name, product, paths) => {
  await using service = await openProductService();
  const update = service.products.updateProduct({ product: { id: "101", ...product }, updateMask: { paths } });
  expect((await refusal(update)).code).toBe(Code.InvalidArgument);
  expect((await service.products.getProduct({ productId: "101" })).product?.etag).toBe("v1");
});

test.each([
  ["no name", { name: "" }],
  ["no price", { price: undefined }],
  ["a negative price", { price: { ...price, units: -1n } }],
  ["nanos beyond a unit", { price: { ...price, nanos: 1_000_000_000 } }],
  ["no currency", { price: { ...price, currencyCode: "" } }],
  ["negative stock", { stock: -1 }],
  ["too long a name", { name: "x".repeat(201) }],
  ["a line break in the name", { name: "Lap\ntop" }],
  ["NUL in the description", { description: "\0" }],
  ["a request id that is no UUID", { requestId: "once" }],
])("a product with %s is invalid and not stored", async (_name, wrong) => {
  await using service = await openProductService();
  const fields = { name: "Lamp", price, ...wrong };
  const create = service.products.createProduct(fields as Parameters<typeof service.products.createProduct>[0]);
  expect((await refusal(create)).code).toBe(Code.InvalidArgument);
  expect((await service.products.listProducts({})).products).toHaveLength(5);
});

test("a deleted product is gone from the catalogue, and a deletion is not repeated", async () => {
  await using service = await openProductService();
  expect(await refusal(service.products.deleteProduct({ productId: "101", etag: "v9" }))).toMatchObject({
    code: Code.Aborted,
  });
  await service.products.deleteProduct({ productId: "101", etag: "v1" });
  const gone = { code: Code.NotFound, reason: "PRODUCT_NOT_FOUND", metadata: { productId: "101" } };
  expect(await refusal(service.products.getProduct({ productId: "101" }))).toMatchObject(gone);
  expect(await refusal(service.products.deleteProduct({ productId: "101" }))).toMatchObject(gone);
  expect(await refusal(service.products.updateProduct({ product: { id: "101", name: "X" } }))).toMatchObject(gone);
  expect((await service.products.listProducts({})).products.map(({ id }) => id)).toEqual(["102", "103", "104", "105"]);
});

test("a batch names the products that are missing", async () => {
  await using service = await openProductService();
  const error = await refusal(service.products.batchGetProducts({ productIds: ["101", "x", "102", "y"] }));
  expect(error).toMatchObject({ code: Code.NotFound, metadata: { productId: "x", productIds: "x,y" } });
  expect(error.message).toContain("x, y");
  const many = await refusal(
    service.products.batchGetProducts({ productIds: Array.from({ length: 100 }, (_, i) => `none-${i}`) }),
  );
  expect(many.message).toMatch(/none-9 and 90 more/);
});

test("the same request id makes one product, also if sent concurrently or in another case", async () => {
  await using service = await openProductService();
  const fields = { name: "Lamp", price, requestId };
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      service.products.createProduct({ ...fields, requestId: i % 2 === 0 ? requestId : requestId.toUpperCase() }),
    ),
  );
  expect(new Set(ids.map(({ product }) => product?.id)).size).toBe(1);
  expect((await service.products.listProducts({})).products).toHaveLength(6);
});

test("a request id with another body is refused; another method accepts the same id", async () => {
  await using service = await openProductService();
  await service.products.createProduct({ name: "Lamp", price, requestId });
  const error = await refusal(service.products.createProduct({ name: "Desk", price, requestId }));
  expect(error).toMatchObject({ code: Code.InvalidArgument, reason: "REQUEST_ID_REUSED" });
  const { product } = await service.products.updateProduct({ product: { id: "101", name: "X" }, requestId });
  expect(product?.name).toBe("X");
});

test("a failed request can be retried with its id", async () => {
  await using service = await openProductService();
  const update = { product: { id: "101", name: "X", etag: "v2" }, requestId };
  expect((await refusal(service.products.updateProduct(update))).code).toBe(Code.Aborted);
  await service.products.updateProduct({ product: { id: "101", name: "Y" } });
  expect((await service.products.updateProduct(update)).product?.name).toBe("X");
});

test("a repeated update gets the first answer, although the product has changed since", async () => {
  await using service = await openProductService();
  const update = { product: { id: "101", name: "X" }, requestId };
  const first = await service.products.updateProduct(update);
  await service.products.updateProduct({ product: { id: "101", name: "Y" } });
  expect(await service.products.updateProduct(update)).toEqual(first);
  expect((await service.products.getProduct({ productId: "101" })).product?.name).toBe("Y");
});
