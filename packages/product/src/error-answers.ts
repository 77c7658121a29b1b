import { Code } from "@connectrpc/connect";
import { PositionGoneError, UnreadablePositionError } from "@parley/events";
import { answeringWith, type CallContext, reasonError } from "@parley/rpc";
import { InvalidPageTokenError, type Refusals, RequestIdReusedError, StoreUnavailableError } from "@parley/store";
import { ProductError, type ProductReason } from "./product-errors.ts";

const codes: Readonly<Record<ProductReason, Code>> = {
  PRODUCT_NOT_FOUND: Code.NotFound,
  INSUFFICIENT_STOCK: Code.FailedPrecondition,
  STOCK_TOO_LARGE: Code.FailedPrecondition,
  ORDER_RELEASED: Code.FailedPrecondition,
  RESERVATION_DIFFERS: Code.InvalidArgument,
  ETAG_MISMATCH: Code.Aborted,
  INVALID_FIELD: Code.InvalidArgument,
  REQUEST_ID_REUSED: Code.InvalidArgument,
  INVALID_PAGE_TOKEN: Code.InvalidArgument,
  INVALID_POSITION: Code.InvalidArgument,
  POSITION_GONE: Code.OutOfRange,
  STORE_UNAVAILABLE: Code.Unavailable,
};

/** Maps an error to the caller's: a refusal to its code and reason; others are passed on, and the runtime hides them. */
export function errorAnswer(error: unknown): unknown {
  const refusal = asRefusal(error);
  if (refusal === undefined) {
    return error;
  }
  const { reason, message, metadata } = refusal;
  const fields = metadata.field === undefined ? {} : { fields: [{ field: metadata.field, description: message }] };
  return reasonError(codes[reason], { reason, message, metadata, ...fields, cause: error });
}

function asRefusal(error: unknown): Pick<ProductError, "reason" | "message" | "metadata"> | undefined {
  if (error instanceof ProductError) {
    return error;
  }
  if (error instanceof RequestIdReusedError) {
    return { reason: "REQUEST_ID_REUSED", message: error.message, metadata: { field: "request_id" } };
  }
  if (error instanceof InvalidPageTokenError) {
    return { reason: "INVALID_PAGE_TOKEN", message: error.message, metadata: { field: "page_token" } };
  }
  if (error instanceof UnreadablePositionError) {
    return {
      reason: "INVALID_POSITION",
      message:
        "`after_position` is not a position of this stream. Send the `position` of the last message received, or leave it out.",
      metadata: { field: "after_position" },
    };
  }
  if (error instanceof PositionGoneError) {
    return {
      reason: "POSITION_GONE",
      message: "Changes after `after_position` are no longer kept. Leave it out, and read the current state first.",
      metadata: {},
    };
  }
  if (error instanceof StoreUnavailableError) {
    return { reason: "STORE_UNAVAILABLE", message: "The product service cannot reach its database.", metadata: {} };
  }
  return undefined;
}

/** Maps the errors of a method with {@link errorAnswer}. */
export const answering = answeringWith(errorAnswer);

/** Refusals of the product service as stored with their request ids. */
export const storedRefusals: Refusals = {
  write(error) {
    return error instanceof ProductError
      ? JSON.stringify([error.reason, error.message, error.metadata] satisfies StoredRefusal)
      : undefined;
  },
  read(text) {
    const [reason, message, metadata] = JSON.parse(text) as StoredRefusal;
    return new ProductError(reason, message, metadata);
  },
};

type StoredRefusal = [reason: ProductReason, message: string, metadata: Readonly<Record<string, string>>];

/** The caller's name: request ids are scoped to their caller. */
export function callerName(call: CallContext | undefined): string {
  const caller = call?.caller;
  return caller === undefined ? "" : `${caller.kind} ${caller.id}`;
}
