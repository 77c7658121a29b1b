import type { CallOptions, ContextValues, HandlerContext } from "@connectrpc/connect";
import { type CallContext, type Clock, callContextKey } from "@parley/rpc";

/** Kept back of an order's time to write down what became of it and to answer before the caller's time is over. */
const answerShare = 0.1;
const answerShareMsMax = 200;

/**
 * On whose behalf an order is worked on, and for how long. Not cut short when the caller goes away: others may have joined it,
 * and half an order is worse than a whole one that nobody waits for.
 */
export interface SagaCall {
  /** The time left, in milliseconds. Negative when it is over. */
  remainingMs(): number;
  /** Options for the calls to other services: bounded so that the outcome can still be written down and answered. */
  options(): CallOptions;
  /** The call whose request id and trace the events carry on. */
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

/** Work on behalf of a caller, for as long as the caller gives it: its time, request id, trace and identity, not its signal. */
export function detachedFrom(
  context: HandlerContext,
  options: Pick<SagaCallOptions, "clock" | "signal" | "timeoutMs">,
): SagaCall {
  return sagaCall({ ...options, timeoutMs: context.timeoutMs() ?? options.timeoutMs, contextValues: context.values });
}
