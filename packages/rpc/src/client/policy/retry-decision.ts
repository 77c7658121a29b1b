import type { Code, ConnectError } from "@connectrpc/connect";
import type { RetryRule } from "@parley/contract";
import { backoffMs } from "../../environment/backoff.ts";
import { type DeliveryStatus, deliveryStatusOf, lostConnectionOf } from "../call/attempt-outcome.ts";
import type { RetryThrottle } from "./retry-throttle.ts";

/** The state of a call's retries. */
export interface RetryState {
  readonly rule: RetryRule | undefined;
  /** Whether the same request may be processed twice. */
  readonly repeatable: boolean;
  /** Counted attempts. */
  attempts: number;
  /** The exponent of the backoff; pushback resets it. */
  backoffSteps: number;
  /** Uncounted retries, of a call that was never sent. */
  unsentCount: number;
  /** Whether the one uncounted retry after a refusal has been used. */
  refusedOnce: boolean;
}

/** The decision after a failed attempt. */
export type RetryDecision =
  | { readonly kind: "give-up"; readonly throttled?: boolean }
  | { readonly kind: "retry"; readonly waitMs: number; readonly transparent: boolean };

/** A call that was never sent is retried at once, and then with a backoff up to this, so that it does not spin. */
const unsentWaitMaxMs = 1000;
const unsentWaitInitialMs = 5;

const giveUp: RetryDecision = { kind: "give-up" };

/** Decides about another attempt by the rules of gRPC's proposal A6, and updates `state`. */
export function decideRetry(
  error: ConnectError,
  state: RetryState,
  { throttle, random }: { readonly throttle: RetryThrottle; readonly random: () => number },
): RetryDecision {
  const deliveryStatus = deliveryStatusOf(error);
  if (deliveryStatus === "unsent") {
    state.unsentCount++;
    return { kind: "retry", waitMs: unsentWaitMs(state.unsentCount), transparent: true };
  }
  if (deliveryStatus === "refused" && !state.refusedOnce) {
    state.refusedOnce = true;
    return { kind: "retry", waitMs: 0, transparent: true };
  }
  const { rule } = state;
  const pushbackMs = pushback(error);
  const retryable = rule?.codes.has(error.code as Code) === true;
  if (retryable || pushbackMs === "stop") {
    throttle.failed(lostConnectionOf(error));
  }
  if (rule === undefined || !retryable || pushbackMs === "stop" || deliveryStatus === "breaker-open") {
    return giveUp;
  }
  if (!(state.repeatable || isUntouched(deliveryStatus)) || state.attempts >= rule.attemptsMax) {
    return giveUp;
  }
  if (!throttle.allows) {
    return { kind: "give-up", throttled: true };
  }
  state.attempts++;
  if (pushbackMs !== undefined) {
    state.backoffSteps = 0;
    return { kind: "retry", waitMs: pushbackMs, transparent: false };
  }
  return { kind: "retry", waitMs: retryWaitMs(rule, ++state.backoffSteps, random), transparent: false };
}

/** A6: `random(0.8, 1.2) × min(initial_backoff × backoff_multiplier^(n−1), max_backoff)` before the n-th retry. */
export function retryWaitMs(rule: RetryRule, step: number, random: () => number): number {
  const { initialBackoffMs: initialMs, maxBackoffMs: maxMs, backoffMultiplier: multiplier } = rule;
  return backoffMs(step, random, { initialMs, maxMs, multiplier });
}

/** A6, "Pushback": `grpc-retry-pushback-ms` is the wait; a negative or invalid value forbids a retry. */
export function pushback(error: ConnectError): number | "stop" | undefined {
  const value = error.metadata.get("grpc-retry-pushback-ms");
  if (value === null) {
    return undefined;
  }
  return /^\d{1,9}$/.test(value) ? Number(value) : "stop";
}

function isUntouched(deliveryStatus: DeliveryStatus): boolean {
  return deliveryStatus === "unreachable" || deliveryStatus === "refused";
}

function unsentWaitMs(count: number): number {
  return count === 1 ? 0 : Math.min(unsentWaitInitialMs * 2 ** (count - 2), unsentWaitMaxMs);
}
