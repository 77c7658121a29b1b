import { InvalidFieldError } from "../order-errors.ts";
import type { OrderLine } from "../order-line.ts";

/** A buyer's request. */
export interface OrderRequest {
  /** Empty for a guest. */
  readonly userId: string;
  /** The address for a guest's notifications. Empty: none are sent. */
  readonly guestEmail?: string;
  readonly items: readonly OrderLine[];
  /** The buyer's request id. A repetition gets the same answer. */
  readonly requestId?: string | undefined;
}

/** The fields of `order.v1.CreateOrderRequest`, each within its own limits. */
export interface RequestFields {
  readonly userId: string;
  readonly guestEmail: string;
  readonly items: readonly OrderLine[];
  readonly productId: string;
  readonly quantity: number;
  readonly requestId: string;
}

/** The request in the contract's fields. Throws {@link InvalidFieldError} for conflicting fields, and for a guest's order if these are not accepted. */
export function orderRequestOf(fields: RequestFields, { guests }: { readonly guests: boolean }): OrderRequest {
  const { userId, guestEmail, requestId } = fields;
  if (userId === "" && !guests) {
    throw new InvalidFieldError("user_id", "`user_id` is required: guest orders are disabled (GUEST_ORDERS=off).");
  }
  if (userId !== "" && guestEmail !== "") {
    throw new InvalidFieldError(
      "guest_email",
      "`guest_email` is for orders without `user_id`: a user is notified at the account's address. Leave one of them out.",
    );
  }
  return {
    userId,
    guestEmail,
    items: linesOf(fields),
    // UUIDs are case-insensitive (RFC 9562, section 4).
    requestId: requestId === "" ? undefined : requestId.toLowerCase(),
  };
}

function linesOf({ items, productId, quantity }: RequestFields): readonly OrderLine[] {
  if (productId !== "" && items.length > 0) {
    throw new InvalidFieldError("product_id", "Set either `items` or `product_id`, not both.");
  }
  if (productId !== "" && quantity === 0) {
    throw new InvalidFieldError("quantity", "`quantity` must be from 1 to 10000; it is 0 or missing.");
  }
  if (productId === "" && quantity !== 0) {
    throw new InvalidFieldError(
      "product_id",
      "`product_id` is required with `quantity`. Each line of `items` has a quantity of its own.",
    );
  }
  if (productId !== "") {
    return [{ productId, quantity }];
  }
  if (items.length === 0) {
    throw new InvalidFieldError(
      "items",
      "`items` is required: 1 to 100 lines. For an order of one product, `product_id` and `quantity` are enough.",
    );
  }
  return items;
}
