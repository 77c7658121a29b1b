import { InventoryService, type ReserveStockRequest } from "@parley/gen/product/v1/inventory_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import type { Parts } from "../world/seams.ts";
import { toolsFor } from "./careless-inventory.ts";
import type { PlantedBug } from "./planted-bug.ts";
import { type AnyUnary, replaceMethod } from "./replace-method.ts";

const { batchReserveStock } = InventoryService.method;
const { batchValidateUsers } = UserService.method;

/** Bugs of batched calls. Calls outside batches are correct. */
export const batchBugs: readonly PlantedBug[] = [
  {
    name: "reservations of a batch are answered in another order than they were requested",
    seams: { module: (module) => replaceMethod(module, batchReserveStock, inAnotherOrder) },
    breaks: ["reservation", "refusal", "broken"],
  },
  {
    name: "buyers of a batch are answered in another order than they were requested",
    seams: { module: (module) => replaceMethod(module, batchValidateUsers, inAnotherOrder) },
    breaks: ["acknowledged"],
  },
  {
    name: "one refusal is returned for a whole batch, whose other requests took effect",
    seams: {
      module: (module) =>
        replaceMethod(module, batchReserveStock, (original) => async (request, context) => {
          const { results } = await original(request, context);
          const refusal = results.find(({ result }: Result) => result.case === "error");
          return { results: results.map((own: Result) => refusal ?? own) };
        }),
    },
    breaks: ["refusal"],
  },
  {
    name: "a repeated batch reserves its stock again, since only single calls are recorded",
    seams: {
      module: (module, parts) =>
        replaceMethod(module, batchReserveStock, (original) => async (request, context) => {
          for (const one of request.requests) await takeIfReserved(one, parts);
          return original(request, context);
        }),
    },
    breaks: ["stock-balance"],
  },
];

interface Result {
  readonly result: { readonly case: "response" | "error" };
}

function inAnotherOrder(original: AnyUnary): AnyUnary {
  return async (request, context) => {
    const { results } = await original(request, context);
    return { results: results.toReversed() };
  };
}

async function takeIfReserved(request: ReserveStockRequest, parts: Parts): Promise<void> {
  const { summed, stockOf, setStock } = toolsFor(request, parts);
  const sql = "SELECT 1 AS one FROM reservations WHERE order_id = ?";
  if ((await parts.database.get(sql, request.orderId)) === undefined) return;
  await parts.database.transaction(async (transaction) => {
    for (const { productId, quantity } of summed) {
      const before = await stockOf(transaction, productId);
      await setStock(transaction, productId, { before, after: Math.max(0, before - quantity) });
    }
  });
}
