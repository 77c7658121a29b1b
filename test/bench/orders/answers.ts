import { create, type MessageShape } from "@bufbuild/protobuf";
import { OrderState } from "@parley/gen/order/v1/order_pb.js";
import { type CreateOrderResponse, CreateOrderResponseSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { type ReserveStockResponse, ReserveStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { type GetProductResponse, GetProductResponseSchema } from "@parley/gen/product/v1/product_service_pb.js";
import type { BoughtLine } from "./durable-flow.ts";

/** The contracts' responses, built from the data of the rivals' flow. */
export function orderAnswer(
  id: string,
  { userId, name, email, lines }: { userId: string; name: string; email: string; lines: readonly BoughtLine[] },
): CreateOrderResponse {
  let nanos = 0n;
  const items = lines.map((line) => {
    const lineNanos = (line.units * billion + BigInt(line.nanos)) * BigInt(line.quantity);
    nanos += lineNanos;
    const { productId, productName, quantity } = line;
    return { productId, productName, quantity, unitPrice: usd(line), totalPrice: money(lineNanos) };
  });
  return create(CreateOrderResponseSchema, {
    order: {
      id,
      userId,
      userName: name,
      userEmail: email,
      items,
      totalPrice: money(nanos),
      state: OrderState.CONFIRMED,
    },
  });
}

export function reservationAnswer(orderId: string, lines: readonly BoughtLine[]): ReserveStockResponse {
  const items = lines.map((line) => ({ ...line, unitPrice: usd(line) }));
  return create(ReserveStockResponseSchema, {
    reservation: {
      orderId,
      items: items.map(({ productId, productName, quantity, unitPrice }) => ({
        productId,
        productName,
        quantity,
        unitPrice,
      })),
    },
  });
}

export function productAnswer(id: string, stock: number): GetProductResponse {
  return create(GetProductResponseSchema, { product: { id, stock } });
}

/** The reserved lines, as the order service reads them. */
export function boughtLines({ reservation }: MessageShape<typeof ReserveStockResponseSchema>): BoughtLine[] {
  return (reservation?.items ?? []).map(({ productId, productName, quantity, unitPrice }) => ({
    productId,
    productName,
    quantity,
    units: unitPrice?.units ?? 0n,
    nanos: unitPrice?.nanos ?? 0,
  }));
}

const billion = 1_000_000_000n;

function usd({ units, nanos }: BoughtLine) {
  return { currencyCode: "USD", units, nanos };
}

function money(nanos: bigint) {
  return { currencyCode: "USD", units: nanos / billion, nanos: Number(nanos % billion) };
}
