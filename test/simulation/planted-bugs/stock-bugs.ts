import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { InventoryService, ReserveStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { ProductService } from "@parley/gen/product/v1/product_service_pb.js";
import { createServiceClient, markDeliveryStatus } from "@parley/rpc/client";
import type { Seams } from "../world/seams.ts";
import { readLevels, reserveFrom, tooLittle, withCarelessReserve } from "./careless-inventory.ts";
import { createInTurn } from "./in-turn.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { replaceMethod } from "./replace-method.ts";

/**
 * Not a bug: a correct implementation in the place where the bugs are planted. It proves that the checks report the mistakes and
 * not the replacement.
 */
export const carefulReserve: Seams = {
  module: (module, parts) =>
    parts.service !== "product"
      ? module
      : withCarelessReserve(module, parts, ({ summed, stockOf, setStock, insert }, run) =>
          run(async (transaction) => {
            for (const line of summed) {
              const before = await stockOf(transaction, line.productId);
              if (before < line.quantity) throw tooLittle(line, before);
              await setStock(transaction, line.productId, { before, after: before - line.quantity });
            }
            await insert(transaction);
          }),
        ),
};

/** Bugs that oversell or lose stock. */
export const stockBugs: readonly PlantedBug[] = [
  {
    name: "stock is reserved after the order is announced",
    seams: {
      inventory(inventory, { connect, environment }) {
        const products = createServiceClient(ProductService, connect("product"), { environment });
        return {
          ...inventory,
          async reserveStock(request, options) {
            const items = request.items ?? [];
            const productIds = [...new Set(items.map(({ productId = "" }) => productId))];
            const found = await products.batchGetProducts({ productIds }, options);
            inventory.reserveStock(request, { timeoutMs: 2_000 }).catch(() => {});
            const names = new Map(found.products.map((product) => [product.id, product]));
            return create(ReserveStockResponseSchema, {
              reservation: {
                orderId: request.orderId ?? "",
                items: items.map(({ productId = "", quantity = 0 }) => {
                  const { name: productName = "", price: unitPrice } = names.get(productId) ?? {};
                  return { productId, quantity, productName, ...(unitPrice === undefined ? {} : { unitPrice }) };
                }),
              },
            });
          },
        };
      },
    },
    breaks: ["reservation"],
  },
  {
    name: "the undo is registered after the call, so that a call that timed out but took effect stays",
    seams: {
      inventory: (inventory) => ({
        ...inventory,
        reserveStock: (...call) =>
          inventory.reserveStock(...call).catch((error: unknown) => {
            throw markDeliveryStatus(ConnectError.from(error), "unreachable");
          }),
      }),
    },
    breaks: ["reservation"],
  },
  {
    name: "two lines with one product are checked one by one",
    seams: {
      // Both services sum the lines, and the schema has a CHECK constraint. This bug removes all three.
      migrations: (_, migrations) =>
        migrations.map((migration) => ({ ...migration, sql: migration.sql.replace("CHECK (stock >= 0)", "") })),
      inventory: (inventory) => ({
        ...inventory,
        reserveStock({ orderId = "", items = [] }, options) {
          const parted = items.flatMap(({ productId = "", quantity = 0 }) => {
            const half = Math.floor(quantity / 2);
            const parts = half === 0 ? [quantity] : [half, quantity - half];
            return parts.map((part) => ({ productId, quantity: part }));
          });
          return inventory.reserveStock({ orderId, items: parted }, options);
        },
      }),
      module: (module, parts) =>
        parts.service !== "product"
          ? module
          : withCarelessReserve(module, parts, ({ lines, stockOf, setStock, insert }, run) =>
              run(async (transaction) => {
                for (const line of lines) {
                  const available = await stockOf(transaction, line.productId);
                  if (available < line.quantity) throw tooLittle(line, available);
                }
                for (const { productId, quantity } of lines) {
                  const before = await stockOf(transaction, productId);
                  await setStock(transaction, productId, { before, after: before - quantity });
                }
                await insert(transaction);
              }),
            ),
    },
    breaks: ["stock-negative"],
  },
  {
    name: "min(desired, available) is subtracted silently",
    seams: {
      module: (module, parts) =>
        parts.service !== "product"
          ? module
          : withCarelessReserve(module, parts, ({ summed, stockOf, setStock, insert }, run) =>
              run(async (transaction) => {
                for (const { productId, quantity } of summed) {
                  const before = await stockOf(transaction, productId);
                  await setStock(transaction, productId, { before, after: before - Math.min(before, quantity) });
                }
                await insert(transaction);
              }),
            ),
    },
    breaks: ["stock-balance"],
  },
  {
    name: "a lock around a read instead of a guarded update",
    seams: {
      module(module, parts) {
        if (parts.service !== "product") return module;
        const lock = createInTurn();
        return withCarelessReserve(module, parts, async (tools, run) => {
          const levels = await lock("stock", () => readLevels(tools, parts.database));
          await run((transaction) => reserveFrom(levels, tools, transaction));
        });
      },
    },
    breaks: ["stock-balance"],
  },
  {
    name: "the idempotency key is recorded before the work, so that the retry of a failed first try reports success",
    seams: {
      module: (module, parts) =>
        parts.service !== "product"
          ? module
          : withCarelessReserve(module, parts, async ({ summed, stockOf, setStock, insert }, run) => {
              await run(insert);
              await run(async (transaction) => {
                for (const line of summed) {
                  const before = await stockOf(transaction, line.productId);
                  if (before < line.quantity) throw tooLittle(line, before);
                  await setStock(transaction, line.productId, { before, after: before - line.quantity });
                }
              });
            }),
    },
    breaks: ["stock-balance"],
  },
  {
    name: "a release leaves no tombstone, so that a late reservation stays for a rejected order",
    seams: {
      module: (module, { service, database }) =>
        service !== "product"
          ? module
          : replaceMethod(module, InventoryService.method.releaseStock, (original) => async (request, context) => {
              const sql = "SELECT 1 AS one FROM reservations WHERE order_id = ?";
              const standing = await database.get(sql, request.orderId);
              return standing === undefined ? {} : original(request, context);
            }),
    },
    breaks: ["reservation"],
  },
];
