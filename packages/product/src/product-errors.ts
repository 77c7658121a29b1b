/** All error reasons of the product service (`google.rpc.ErrorInfo.reason`). */
export type ProductReason =
  /** No product has the id. Metadata: `productId`, the first; for several `productIds`, at most ten, separated by commas. */
  | "PRODUCT_NOT_FOUND"
  /** Less is available than requested. Metadata: `productId`, `productName`, `requested`, `available`. */
  | "INSUFFICIENT_STOCK"
  /** More units than a product can have. Metadata: `productId`, `stockMax`. */
  | "STOCK_TOO_LARGE"
  /** The order released its stock, so it cannot reserve again. Metadata: `orderId`. */
  | "ORDER_RELEASED"
  /** The order has a reservation with other lines. Metadata: `orderId`. */
  | "RESERVATION_DIFFERS"
  /** The product was changed since it was read. Metadata: `productId`, the current `etag` and `revision`. */
  | "ETAG_MISMATCH"
  /** A field cannot have this value. Metadata: `field`. */
  | "INVALID_FIELD"
  /** The request id was used for another request. Metadata: `field`. */
  | "REQUEST_ID_REUSED"
  /** The page token was not issued by this service for this list. Metadata: `field`. */
  | "INVALID_PAGE_TOKEN"
  /** The position was not issued by this stream. Metadata: `field`. */
  | "INVALID_POSITION"
  /** Changes after the position are no longer kept. */
  | "POSITION_GONE"
  /** The service's own database is unavailable. */
  | "STORE_UNAVAILABLE";

/** A refusal of the product service. */
export class ProductError extends Error {
  override readonly name = "ProductError";
  readonly reason: ProductReason;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(reason: ProductReason, message: string, metadata: Readonly<Record<string, string>> = {}) {
    super(message);
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** The most ids in one message: an error is sent in headers, which have a limit. */
const namedMax = 10;

/** The ids as text, the first ones by name. */
export function listText(items: readonly string[], separator: string): string {
  const named = items.slice(0, namedMax).join(separator);
  return items.length > namedMax ? `${named} and ${items.length - namedMax} more` : named;
}

/** No product has the ids. */
export function productNotFound(ids: readonly string[]): ProductError {
  const [productId = ""] = ids;
  if (ids.length === 1) {
    return new ProductError("PRODUCT_NOT_FOUND", `There is no product ${productId}.`, { productId });
  }
  return new ProductError("PRODUCT_NOT_FOUND", `There are no products ${listText(ids, ", ")}.`, {
    productId,
    productIds: ids.slice(0, namedMax).join(","),
  });
}
