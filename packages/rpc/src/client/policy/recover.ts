import { Code, ConnectError } from "@connectrpc/connect";
import { backoffMs } from "../../environment/backoff.ts";
import { sleep } from "../../environment/clock.ts";
import type { Environment } from "../../environment/environment.ts";
import { deliveryStatusOf, markDeliveryStatus, markOwnTimer, neverSent } from "../call/attempt-outcome.ts";
import { decideRetry, type RetryState } from "./retry-decision.ts";
import type { MethodState, TargetState } from "./target-state.ts";

/** A call whose first attempt failed. */
export interface RecoverOptions<T> {
  /** Makes another attempt with the remaining time. Sends the number of counted attempts before it. */
  readonly attempt: (leftMs: number | undefined, previousAttempts: number) => Promise<T>;
  readonly state: MethodState;
  readonly target: TargetState;
  readonly environment: Environment;
  readonly signal: AbortSignal | undefined;
  /** The deadline of all attempts, on the clock's monotonic scale. */
  readonly deadlineMs: number | undefined;
  readonly repeatable: boolean;
  readonly waitForReady: boolean;
}

/** Makes further attempts at a call until one succeeds or the rules end it; then throws the last error. */
export async function recover<T>(first: unknown, options: RecoverOptions<T>): Promise<T> {
  const { attempt, state, target, environment, signal, deadlineMs, repeatable } = options;
  const { clock, log } = environment;
  const retry: RetryState = {
    rule: state.policy.retry,
    repeatable,
    attempts: 1,
    backoffSteps: 0,
    unsentCount: 0,
    refusedOnce: false,
  };
  let error = ConnectError.from(first);
  let mayHaveArrived = !neverSent(error);
  for (let waits = 1; ; waits++) {
    const plan = planNext(error, retry, waits, options);
    if (plan === undefined) {
      throw mayHaveArrived && neverSent(error) ? markDeliveryStatus(error, "unknown") : error;
    }
    const leftMs = deadlineMs === undefined ? undefined : deadlineMs - clock.monotonic();
    if (leftMs !== undefined && plan.waitMs >= leftMs) {
      if (!plan.waitForReady) {
        throw mayHaveArrived && neverSent(error) ? markDeliveryStatus(error, "unknown") : error;
      }
      await pause(clock, Math.max(0, leftMs), signal);
      throw timedOutWaiting(error, mayHaveArrived);
    }
    log.debug(
      {
        method: state.name,
        target: target.name,
        attempt: retry.attempts,
        waitMs: plan.waitMs,
        code: Code[error.code],
        error: error.rawMessage,
      },
      "retrying the call",
    );
    if (plan.waitMs > 0) {
      await pause(clock, plan.waitMs, signal);
    }
    if (signal?.aborted) {
      throw ConnectError.from(signal.reason, Code.Canceled);
    }
    state.metrics[plan.transparent ? "transparentRetries" : "retries"].value++;
    try {
      const result = await attempt(
        deadlineMs === undefined ? undefined : deadlineMs - clock.monotonic(),
        retry.attempts - 1,
      );
      target.throttle.succeeded();
      return result;
    } catch (reason) {
      error = ConnectError.from(reason);
      mayHaveArrived ||= !neverSent(error);
    }
  }
}

interface Plan {
  readonly waitMs: number;
  readonly transparent: boolean;
  readonly waitForReady: boolean;
}

function planNext<T>(
  error: ConnectError,
  retry: RetryState,
  waits: number,
  options: RecoverOptions<T>,
): Plan | undefined {
  const { state, target, environment, waitForReady } = options;
  const deliveryStatus = deliveryStatusOf(error);
  if (
    waitForReady &&
    error.code === Code.Unavailable &&
    (deliveryStatus === "unreachable" || deliveryStatus === "breaker-open")
  ) {
    const openMs = target.breaker.retryAfterMs(environment.clock.monotonic());
    return { waitMs: Math.max(openMs, backoffMs(waits, environment.random)), transparent: true, waitForReady };
  }
  if (error.code === Code.Canceled || error.code === Code.DeadlineExceeded) {
    if (deliveryStatus !== "answered") {
      return undefined;
    }
  }
  const decision = decideRetry(error, retry, { throttle: target.throttle, random: environment.random });
  if (decision.kind === "retry") {
    return { ...decision, waitForReady: false };
  }
  if (decision.throttled) {
    state.metrics.throttledRetries.value++;
  }
  return undefined;
}

function timedOutWaiting(cause: ConnectError, mayHaveArrived: boolean): ConnectError {
  const message = `the operation timed out while it waited for a connection: ${cause.rawMessage}`;
  const error = markOwnTimer(new ConnectError(message, Code.DeadlineExceeded, undefined, undefined, cause));
  return markDeliveryStatus(error, mayHaveArrived ? "unknown" : "unreachable");
}

async function pause(clock: Environment["clock"], waitMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(clock, waitMs, signal);
  } catch (reason) {
    throw ConnectError.from(reason, Code.Canceled);
  }
}
