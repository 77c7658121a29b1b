import { type Client, Code, ConnectError } from "@connectrpc/connect";
import type { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import type { Reservation } from "@parley/gen/product/v1/reservation_pb.js";
import { reasonOf } from "@parley/rpc";
import type { ReservedLine } from "../order.ts";
import { type DependencyError, orderReasons, type Refusal } from "../order-errors.ts";
import type { OrderLine } from "../order-line.ts";
import { between, type Checkpoint } from "./checkpoint.ts";
import { dependencyFailure } from "./dependency-failure.ts";
import type { SagaCall } from "./saga-call.ts";

/** The part of the product service that orders use. */
export type InventoryClient = Pick<Client<typeof InventoryService>, "reserveStock" | "releaseStock">;

/** The outcome of a reservation attempt. */
export type ReserveOutcome =
  | { readonly kind: "reserved"; readonly lines: readonly ReservedLine[] }
  /** This call reserved nothing. */
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "unknown-product"; readonly refusal: Refusal; readonly cause: unknown }
  /** The order was released before: nothing is reserved, and nothing will be. */
  | { readonly kind: "released" }
  /** Unknown, unless the error has `neverSent`. */
  | { readonly kind: "failed"; readonly error: DependencyError };

/** Reserves and releases stock at the product service. */
export interface Stock {
  reserve(orderId: string, lines: readonly OrderLine[], call: SagaCall): Promise<ReserveOutcome>;
  /** Resolves when the stock is released and can no longer be reserved. Throws {@link DependencyError} if that is not certain. */
  release(orderId: string, call: SagaCall): Promise<void>;
}

export function createStock(inventory: InventoryClient, checkpoint?: Checkpoint): Stock {
  const reserveStock = (orderId: string, lines: readonly OrderLine[], call: SagaCall) =>
    inventory.reserveStock({ orderId, items: lines.map(stockLine) }, call.options());
  const releaseStock = (orderId: string, call: SagaCall) => inventory.releaseStock({ orderId }, call.options());
  const reserveAt: typeof reserveStock =
    checkpoint === undefined
      ? reserveStock
      : (...all) => between(checkpoint, "ReserveStock", () => reserveStock(...all));
  const releaseAt: typeof releaseStock =
    checkpoint === undefined
      ? releaseStock
      : (...all) => between(checkpoint, "ReleaseStock", () => releaseStock(...all));

  return {
    async reserve(orderId, lines, call) {
      try {
        const { reservation } = await reserveAt(orderId, lines, call);
        return { kind: "reserved", lines: reservedLines(reservation) };
      } catch (error) {
        return outcomeOf(error, orderId);
      }
    },
    async release(orderId, call) {
      try {
        await releaseAt(orderId, call);
      } catch (error) {
        throw dependencyFailure("product service", error, orderId);
      }
    },
  };
}

// Lines of stored orders have more fields than the message.
function stockLine({ productId, quantity }: OrderLine): OrderLine {
  return { productId, quantity };
}

function reservedLines(reservation: Reservation | undefined): readonly ReservedLine[] {
  return (reservation?.items ?? []).map(({ productId, quantity, productName, unitPrice }) => ({
    productId,
    quantity,
    productName,
    unitPrice: {
      units: unitPrice?.units ?? 0n,
      nanos: unitPrice?.nanos ?? 0,
      currencyCode: unitPrice?.currencyCode ?? "",
    },
  }));
}

/** The product service's reasons that orders handle, with their codes. */
const refusals = {
  PRODUCT_NOT_FOUND: Code.NotFound,
  INSUFFICIENT_STOCK: Code.FailedPrecondition,
  ORDER_RELEASED: Code.FailedPrecondition,
} as const;

function outcomeOf(error: unknown, orderId: string): ReserveOutcome {
  const { reason, metadata } = reasonOf(error) ?? { reason: "", metadata: {} };
  const isRefusal = (name: keyof typeof refusals) =>
    reason === name && error instanceof ConnectError && error.code === refusals[name];
  const message = error instanceof ConnectError ? error.rawMessage : "";
  if (isRefusal("INSUFFICIENT_STOCK")) {
    return { kind: "refused", refusal: { reason: orderReasons.insufficientStock, message, metadata } };
  }
  if (isRefusal("PRODUCT_NOT_FOUND")) {
    const refusal = { reason: orderReasons.productNotFound, message, metadata };
    return { kind: "unknown-product", refusal, cause: error };
  }
  if (isRefusal("ORDER_RELEASED")) return { kind: "released" };
  return { kind: "failed", error: dependencyFailure("product service", error, orderId) };
}
