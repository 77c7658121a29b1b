import { Code, type ConnectError } from "@connectrpc/connect";
import { PositionGoneError, UnreadablePositionError } from "@parley/events";
import { answeringWith, reasonError } from "@parley/rpc";
import { InvalidPageTokenError, StoreUnavailableError } from "@parley/store";
import {
  ContendedError,
  DependencyError,
  type DependencyProblem,
  EtagMismatchError,
  InvalidFieldError,
  OrderNotCancellableError,
  OrderNotFoundError,
  OrderRefusedError,
  orderReasons,
  ProductNotFoundError,
  RequestIdReusedError,
  TooManyOrdersError,
  UserNotAllowedError,
  UserNotFoundError,
} from "./order-errors.ts";

/** The retry delay while a dependency is down or overloaded: about the time of the breaker and of recovery. */
const retryAfterMs = 1_000;

/** Maps an error to the caller's. Unmapped errors are passed on: the server answers INTERNAL. */
export function errorAnswer(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { message } = error;
  const answer = (code: Code, reason: string, metadata: Readonly<Record<string, string>> = {}): ConnectError =>
    reasonError(code, { reason, message, metadata, cause: error });
  const fieldError = (field: string, reason: string): ConnectError =>
    reasonError(Code.InvalidArgument, {
      reason,
      message,
      fields: [{ field, description: message, reason }],
      cause: error,
    });
  const retryable = (code: Code, reason: string, metadata: Readonly<Record<string, string>> = {}): ConnectError =>
    reasonError(code, { reason, message, metadata, retryAfterMs, cause: error });

  if (error instanceof OrderRefusedError) {
    const { reason, metadata } = error.refusal;
    return answer(Code.FailedPrecondition, reason, { ...metadata, orderId: error.orderId });
  }
  if (error instanceof ProductNotFoundError) return answer(Code.NotFound, orderReasons.productNotFound, error.metadata);
  if (error instanceof UserNotFoundError) {
    return answer(Code.NotFound, orderReasons.userNotFound, { userId: error.userId });
  }
  if (error instanceof UserNotAllowedError) {
    return answer(Code.FailedPrecondition, orderReasons.userNotAllowed, { userId: error.userId });
  }
  if (error instanceof OrderNotFoundError) {
    return answer(Code.NotFound, orderReasons.orderNotFound, { orderId: error.orderId });
  }
  if (error instanceof RequestIdReusedError) {
    return answer(Code.InvalidArgument, orderReasons.requestIdReused, { requestId: error.requestId });
  }
  if (error instanceof OrderNotCancellableError) {
    const { orderId, state } = error;
    return answer(Code.FailedPrecondition, orderReasons.orderNotCancellable, { orderId, state });
  }
  if (error instanceof EtagMismatchError) {
    return answer(Code.Aborted, orderReasons.etagMismatch, { orderId: error.orderId });
  }
  if (error instanceof DependencyError) {
    const [code, reason] = dependencyAnswers[error.problem];
    const orderId = error.orderId === undefined ? {} : { orderId: error.orderId };
    return retryable(code, reason, { service: error.service, ...orderId });
  }
  if (error instanceof ContendedError)
    return retryable(Code.Aborted, orderReasons.contended, { orderId: error.orderId });
  if (error instanceof TooManyOrdersError) return retryable(Code.ResourceExhausted, orderReasons.tooManyOrders);
  if (error instanceof InvalidFieldError) return fieldError(error.field, orderReasons.invalidRequest);
  if (error instanceof InvalidPageTokenError) return fieldError("page_token", orderReasons.invalidPageToken);
  if (error instanceof UnreadablePositionError) return fieldError("after_position", orderReasons.invalidPosition);
  if (error instanceof PositionGoneError) return answer(Code.OutOfRange, orderReasons.positionGone);
  if (error instanceof StoreUnavailableError) {
    // The error's own message names files and disks. It is logged and not sent to the caller.
    const text = "The order service cannot reach its database.";
    const reason = orderReasons.storeUnavailable;
    return reasonError(Code.Unavailable, { reason, message: text, retryAfterMs, cause: error });
  }
  return error;
}

const dependencyAnswers: Readonly<Record<DependencyProblem, readonly [Code, string]>> = {
  unavailable: [Code.Unavailable, orderReasons.dependencyUnavailable],
  "timed-out": [Code.DeadlineExceeded, orderReasons.dependencyTimedOut],
  failed: [Code.Internal, orderReasons.dependencyFailed],
};

/** Maps the errors of a method with {@link errorAnswer}. */
export const answering = answeringWith(errorAnswer);
