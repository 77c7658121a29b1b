/** Why the product service refuses: all its reasons (`google.rpc.ErrorInfo.reason`). */
export type ProductReason =
  /** No product has the id. Metadata: `productId`, the first; where several are missing `productIds`, ten at most, by commas. */
  | "PRODUCT_NOT_FOUND"
  /** Less is left than was asked for. Metadata: `productId`, `productName`, `requested`, `available`. */
  | "INSUFFICIENT_STOCK"
  /** More units than a product can have. Metadata: `productId`, `stockMax`. */
  | "STOCK_TOO_LARGE"
  /** The order gave its stock back, so none is set aside for it any more. Metadata: `orderId`. */
  | "ORDER_RELEASED"
  /** The order has a reservation with other lines. Metadata: `orderId`. */
  | "RESERVATION_DIFFERS"
  /** Somebody else changed the product since it was read. Metadata: `productId`, the current `etag` and `revision`. */
  | "ETAG_MISMATCH"
  /** A field cannot have this value. Metadata: `field`. */
  | "INVALID_FIELD"
  /** The request id came before with another request. Metadata: `field`. */
  | "REQUEST_ID_REUSED"
  /** The page token was not given by this service, or for another list. Metadata: `field`. */
  | "INVALID_PAGE_TOKEN"
  /** The position in the stream is not one that this service gave. Metadata: `field`. */
  | "INVALID_POSITION"
  /** Changes after the position are no longer kept. */
  | "POSITION_GONE"
  /** The service's own database cannot do its work now. */
  | "STORE_UNAVAILABLE";

/** The product service's refusal of what was asked. */
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

/** Things that one message names at most: an error travels in headers, which have a limit. */
const namedMax = 10;

/** The things in words, the first of them by name. */
export function inWords(things: readonly string[], separator: string): string {
  const named = things.slice(0, namedMax).join(separator);
  return things.length > namedMax ? `${named} and ${things.length - namedMax} more` : named;
}

/** No product has the ids. */
export function productNotFound(ids: readonly string[]): ProductError {
  const [productId = ""] = ids;
  if (ids.length === 1) {
    return new ProductError("PRODUCT_NOT_FOUND", `There is no product ${productId}.`, { productId });
  }
  return new ProductError("PRODUCT_NOT_FOUND", `There are no products ${inWords(ids, ", ")}.`, {
    productId,
    productIds: ids.slice(0, namedMax).join(","),
  });
}
