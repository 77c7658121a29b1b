import type { HandlerContext } from "@connectrpc/connect";
import { type EventLog, eventTypes } from "@parley/events";
import {
  InventoryService,
  type ReserveStockRequest,
  type WatchStockRequest,
  WatchStockResponseSchema,
} from "@parley/gen/product/v1/inventory_service_pb.js";
import { callContextKey, type Environment } from "@parley/rpc";
import { batchOf, implement, type ServiceEntry, sharedMessages } from "@parley/rpc/server";
import { answerOrRefuseOnce, type Database } from "@parley/store";
import { answering, callerName, errorAnswer, storedRefusals } from "./error-answers.ts";
import type { Inventory } from "./inventory/inventory.ts";
import { clampToInt32 } from "./inventory/stock-change.ts";
import { updateStock } from "./inventory/stock-update.ts";
import { ProductError } from "./product-errors.ts";
import type { ProductEvents } from "./product-events.ts";
import { productMessage, reservationMessage } from "./product-messages.ts";

export interface InventoryServiceOptions {
  readonly environment: Environment;
  readonly database: Database;
  readonly inventory: Inventory;
  readonly events: ProductEvents;
  readonly eventLog: EventLog;
}

/** `product.v1.InventoryService`: stock and reservations. */
export function createInventoryService(options: InventoryServiceOptions): ServiceEntry {
  const { environment, database, inventory, events, eventLog } = options;

  const reserveStock = answering(async ({ orderId, items }: ReserveStockRequest, { values }: HandlerContext) => {
    const reservation = await inventory.reserve({ orderId, lines: items, cause: values.get(callContextKey) });
    return { reservation: reservationMessage(reservation) };
  });

  return implement(InventoryService, {
    checkStock: answering(async ({ items }) => {
      const levels = await inventory.check(items);
      return {
        available: levels.every(({ quantity, available }) => quantity <= available),
        levels: levels.map(({ productId, quantity, available }) => ({
          productId,
          requested: quantity,
          available: clampToInt32(available),
        })),
      };
    }),

    updateStock: answering((request, { values }) => {
      const cause = values.get(callContextKey);
      const [nowMs, caller] = [environment.clock.now(), callerName(cause)];
      const { productId, etag, change } = request;
      const call = { method: InventoryService.method.updateStock, request, caller, nowMs };
      // The refusal is stored, since it might not hold for a late copy of the call.
      return answerOrRefuseOnce(database, call, {
        refusals: storedRefusals,
        async work(transaction) {
          if (change.case === undefined) {
            throw new ProductError("INVALID_FIELD", "Set either `stock` or `delta`.", { field: "change" });
          }
          const product = await updateStock(transaction, events, { productId, etag, change, nowMs, cause });
          return { product: productMessage(product) };
        },
      });
    }),

    reserveStock,

    batchReserveStock: batchOf(InventoryService.method.reserveStock, () => reserveStock),

    releaseStock: answering(async ({ orderId }, { values }) => {
      const reservation = await inventory.release({ orderId, cause: values.get(callContextKey) });
      return { reservation: reservationMessage(reservation) };
    }),

    watchStock: (request, context) => watchStock(eventLog, request, context),
  });
}

async function* watchStock(eventLog: EventLog, request: WatchStockRequest, { signal }: HandlerContext) {
  const { afterPosition } = request;
  const wanted = new Set(request.productIds);
  try {
    for await (const { event, position } of eventLog.watch({
      ...(afterPosition === "" ? {} : { afterPosition }),
      types: [eventTypes.stockChanged],
      audiences: request.productIds,
      signal,
    })) {
      const { payload, time } = event;
      if (payload.case === "stockChanged" && (wanted.size === 0 || wanted.has(payload.value.productId))) {
        const { productId, stock, delta } = payload.value;
        const changeTime = time === undefined ? {} : { changeTime: time };
        // Watchers at the end of the log share its events: their message is encoded once.
        yield stockChanges(event, () => ({ productId, stock, delta, position, ...changeTime }));
      }
    }
  } catch (error) {
    throw errorAnswer(error);
  }
}

const stockChanges = sharedMessages(WatchStockResponseSchema);
