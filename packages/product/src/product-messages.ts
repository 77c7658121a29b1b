import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Money } from "@parley/gen/google/type/money_pb.js";
import { type Product as ProductMessage, ProductSchema } from "@parley/gen/product/v1/product_pb.js";
import { type Reservation as ReservationMessage, ReservationState } from "@parley/gen/product/v1/reservation_pb.js";
import type { Reservation } from "./inventory/reservation.ts";
import { clampToInt32 } from "./inventory/stock-change.ts";
import { etagOf, type Price, type Product, type ProductChange, revisionOf } from "./product.ts";
import { ProductError } from "./product-errors.ts";

/** A product as a contract message. */
export function productMessage(product: Product): ProductMessage {
  const { id, name, description, lowStockThreshold } = product;
  return create(ProductSchema, {
    id,
    name,
    description,
    lowStockThreshold,
    price: moneyMessage(product.price),
    stock: clampToInt32(product.stock),
    createTime: timestampFromMs(product.createTimeMs),
    updateTime: timestampFromMs(product.updateTimeMs),
    etag: etagOf(product),
    revision: revisionOf(product),
  });
}

/** A reservation as a contract message. An object literal, since there is one for each order and `create` takes several times as long. */
export function reservationMessage(reservation: Reservation): ReservationMessage {
  const { orderId, state, createTimeMs } = reservation;
  return {
    $typeName: "product.v1.Reservation",
    orderId,
    items: reservation.items.map(({ productId, productName, quantity, unitPrice }) => ({
      $typeName: "product.v1.ReservedItem",
      productId,
      productName,
      quantity,
      unitPrice: moneyMessage(unitPrice),
    })),
    state: state === "reserved" ? ReservationState.RESERVED : ReservationState.RELEASED,
    createTime: timestampFromMs(createTimeMs),
  };
}

/** A price from the contract, whose rules require it. */
export function priceOf(money: Money | undefined): Price {
  const { currencyCode, units, nanos } = required(money, "price");
  return { currency: currencyCode, units, nanos };
}

/** A field's value that the contract's rules require. */
export function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) {
    throw new ProductError("INVALID_FIELD", `\`${field}\` is required.`, { field });
  }
  return value;
}

/** The paths of a price's parts in a mask. */
const priceParts = { "price.currency_code": "currency", "price.units": "units", "price.nanos": "nanos" } as const;

const maskPaths = ["name", "description", "price", ...Object.keys(priceParts), "low_stock_threshold"];

/**
 * The changes of an update: the fields in the mask, or all set fields without a mask. Throws INVALID_FIELD
 * for an unknown path, and for a price that would be cleared.
 */
export function changeOf(product: ProductMessage, paths: readonly string[]): ProductChange {
  const { name, description, lowStockThreshold } = product;
  const unknown = paths.find((path) => !maskPaths.includes(path));
  if (unknown !== undefined) {
    throw new ProductError("INVALID_FIELD", `\`update_mask\` may name ${maskPaths.join(", ")}; it names ${unknown}.`, {
      field: "update_mask",
    });
  }
  const wanted = (path: string, isSet: boolean) => (paths.length === 0 ? isSet : paths.includes(path));
  return {
    ...(wanted("name", name !== "") ? { name } : {}),
    ...(wanted("description", description !== "") ? { description } : {}),
    ...priceChangeOf(product.price, paths),
    ...(wanted("low_stock_threshold", lowStockThreshold !== 0) ? { lowStockThreshold } : {}),
  };
}

function priceChangeOf(money: Money | undefined, paths: readonly string[]): Pick<ProductChange, "price"> {
  if (paths.length === 0 ? money !== undefined : paths.includes("price")) {
    return { price: priceOf(required(money, "product.price")) };
  }
  const parts = Object.entries(priceParts).filter(([path]) => paths.includes(path));
  if (parts.length === 0) {
    return {};
  }
  const price = priceOf(required(money, "product.price"));
  return { price: Object.fromEntries(parts.map(([, part]) => [part, price[part]])) };
}

function moneyMessage({ currency, units, nanos }: Price): Money {
  return { $typeName: "google.type.Money", currencyCode: currency, units, nanos };
}
