import { Code, ConnectError } from "@connectrpc/connect";
import { type DeliveryStatus, markDeliveryStatus, markOwnTimer } from "./attempt-outcome.ts";

/** The error of a call whose deadline passed by this side's clock, with its delivery status. */
export function deadlinePassed(deliveryStatus: DeliveryStatus = "unknown"): ConnectError {
  return markOwnTimer(
    markDeliveryStatus(new ConnectError("the operation timed out", Code.DeadlineExceeded), deliveryStatus),
  );
}

/** The error of a call whose signal aborted. A new one: the signal's reason may be shared by many calls. */
export function canceledBy(signal: AbortSignal | undefined): ConnectError {
  const reason = ConnectError.from(signal?.reason, Code.Canceled);
  return new ConnectError(reason.rawMessage, reason.code, undefined, undefined, signal?.reason);
}

/** Throws if a call must not be sent: its signal has aborted already, or it has no time left. */
export function checkBeforeSending({
  signal,
  timeoutMs,
}: {
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}): void {
  if (signal?.aborted) {
    throw markDeliveryStatus(canceledBy(signal), "unsent");
  }
  if (timeoutMs !== undefined && timeoutMs <= 0) {
    throw deadlinePassed("unsent");
  }
}

/**
 * The error of a call whose stream the server reset, with `leftMs` until the deadline. A server that cancels the stream at the deadline, by its own
 * clock, has not canceled the call: DEADLINE_EXCEEDED, as with the deadline's own timer.
 */
export function resetAtDeadline(error: ConnectError, leftMs: number): ConnectError {
  return error.code === Code.Canceled && leftMs <= timerSlackMs ? deadlinePassed() : error;
}

/** How much earlier than ours a server's own timer for the same deadline may fire, in milliseconds: clocks are not synchronous. */
const timerSlackMs = 10;
