import { fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { EventSchema } from "@parley/gen/event/v1/event_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { reasonOf, systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import type { Database } from "@parley/store";
import { describeInterleavings, type Operation } from "@parley/store/testing";
import { createProductModule, productMigrations } from "./index.ts";

const uuid = (number: number) => `0d9d1f5e-6d0f-4a8e-9a55-${String(number).padStart(12, "0")}`;
const environment = systemEnvironment({ name: "product", logLevel: "silent" });

function replica(database: Database) {
  const transport = connectInMemory(createProductModule({ environment, database }), environment);
  return { inventory: createClient(InventoryService, transport), products: createClient(ProductService, transport) };
}

type Replica = ReturnType<typeof replica>;

const lines = (...products: readonly string[]) => products.map((productId) => ({ productId, quantity: 2 }));
const reserving = (order: number, ...products: readonly string[]) => ({
  async run({ inventory }: Replica) {
    const { reservation } = await inventory.reserveStock({ orderId: uuid(order), items: lines(...products) });
    return reservation?.items.map(({ productId, quantity }) => [productId, quantity]);
  },
});
const price = { currencyCode: "USD", units: 5n, nanos: 0 };

/** The products p and q have three units each; order 1 has reserved two of each. */
const operations: readonly Operation<Replica>[] = [
  { name: "reserve p and q for order 2", ...reserving(2, "p", "q") },
  { name: "reserve q and p for order 3", ...reserving(3, "q", "p") },
  { name: "release order 1", run: ({ inventory }) => inventory.releaseStock({ orderId: uuid(1) }).then(() => 1) },
  { name: "release order 2", run: ({ inventory }) => inventory.releaseStock({ orderId: uuid(2) }).then(() => 1) },
  {
    name: "set the stock of p",
    run: async ({ inventory }) =>
      (await inventory.updateStock({ productId: "p", change: { case: "stock", value: 10 } })).product?.stock,
  },
  {
    name: "take one unit of p, with a request id",
    run: async ({ inventory }) =>
      (await inventory.updateStock({ productId: "p", change: { case: "delta", value: -1 }, requestId: uuid(9) }))
        .product?.stock,
  },
  {
    name: "rename p, if it is unchanged",
    async run({ products }) {
      const product = { id: "p", name: "renamed", etag: "1.3.0" };
      await products.updateProduct({ product, updateMask: { paths: ["name"] } });
    },
  },
  {
    name: "change the price of p",
    async run({ products }) {
      await products.updateProduct({ product: { id: "p", price }, updateMask: { paths: ["price"] } });
    },
  },
  {
    name: "create a product, with a request id",
    run: async ({ products }) =>
      (await products.createProduct({ name: "new", price, stock: 1, requestId: uuid(8) })).product?.name,
  },
  {
    name: "delete p",
    async run({ products }) {
      await products.deleteProduct({ productId: "p" });
    },
  },
];

async function reset(database: Database): Promise<void> {
  await database.transaction(async (transaction) => {
    for (const table of ["event_waiting", "event_log", "reservations", "products", "request_ids"]) {
      await transaction.run(`DELETE FROM ${table}`);
    }
    for (const id of ["p", "q"]) {
      await transaction.run(
        `INSERT INTO products (id, name, description, price_currency, price_units, price_nanos, stock, low_stock_threshold, version,
           create_time, update_time) VALUES (?, ?, '', 'USD', 1, 0, 3, 0, 1, 0, 0)`,
        id,
        id,
      );
    }
    const items = JSON.stringify(["p", "q"].map((id) => [id, id, 2, "USD", 1, 0]));
    await transaction.run(
      "INSERT INTO reservations (order_id, state, items, create_time) VALUES (?, 'reserved', ?, 0)",
      uuid(1),
      items,
    );
  });
}

async function observe(database: Database) {
  const products = await database.all(
    `SELECT name, stock, version, price_units, CASE WHEN delete_time IS NULL THEN 0 ELSE 1 END AS deleted
     FROM products ORDER BY name, id`,
  );
  const reservations = await database.all("SELECT order_id, state FROM reservations ORDER BY order_id");
  const rows = await database.all<{ event: Uint8Array }>("SELECT event FROM event_log ORDER BY sequence");
  const events = rows.map(({ event }) => {
    const { payload, type, subject } = fromBinary(EventSchema, event);
    return payload.case === "stockChanged" ? [subject, payload.value.delta, payload.value.stock] : [subject, type];
  });
  return { products, reservations, events };
}

describeInterleavings<Replica>("the product service's operations", {
  migrations: productMigrations,
  replica,
  reset,
  observe,
  reasonOf: (error) => reasonOf(error)?.reason ?? String(error),
  watched: { event_log: "without gaps" },
  operations,
});
