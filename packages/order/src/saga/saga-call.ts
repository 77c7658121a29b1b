import type { CallOptions, ContextValues, HandlerContext } from "@connectrpc/connect";
import { type CallContext, type Clock, callContextKey } from "@parley/rpc";

/** The share of the caller's time that is reserved to commit the outcome and to answer before the deadline. */
const answerShare = 0.1;
const answerShareMsMax = 200;

/**
 * The caller of an order's work, and its time limit. The work continues when the caller disconnects: other callers may have joined it,
 * and a partly placed order would need recovery.
 */
export interface SagaCall {
  /** The remaining time, in milliseconds. Negative after the deadline. */
  remainingMs(): number;
  /** Options for the calls to other services: bounded so that the outcome can still be committed and answered. */
  options(): CallOptions;
  /** The call whose request id and trace the events carry. */
  readonly cause?: CallContext | undefined;
}

export interface SagaCallOptions {
  readonly clock: Clock;
  /** Aborts when the service stops. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly contextValues?: ContextValues | undefined;
}

/** Work with a time limit of its own. */
export function sagaCall({ clock, signal, timeoutMs, contextValues }: SagaCallOptions): SagaCall {
  const endMs = clock.monotonic() + timeoutMs;
  const kept = Math.min(answerShareMsMax, timeoutMs * answerShare);
  const remainingMs = () => endMs - clock.monotonic();
  return {
    remainingMs,
    options: () => ({
      signal,
      timeoutMs: Math.max(1, Math.floor(remainingMs() - kept)),
      ...(contextValues === undefined ? {} : { contextValues }),
    }),
    cause: contextValues?.get(callContextKey),
  };
}

/** Work on behalf of a caller, with the caller's time, request id, trace and identity, but not its signal. */
export function detachedFrom(
  context: HandlerContext,
  options: Pick<SagaCallOptions, "clock" | "signal" | "timeoutMs">,
): SagaCall {
  return sagaCall({ ...options, timeoutMs: context.timeoutMs() ?? options.timeoutMs, contextValues: context.values });
}
