import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import { reasonOf } from "../../call/reason-error.ts";
import type { Clock } from "../../environment/clock.ts";
import { deliveryStatusOf, isDeadline, isOwnTimer, markOwnTimer } from "../call/attempt-outcome.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../call/call-layer.ts";
import { breakerOpenError } from "./dependency-error.ts";
import type { MethodState, TargetState } from "./target-state.ts";

/** One attempt: checks the breaker, makes the attempt, and reports the outcome to the breaker and the metrics. */
export class AttemptLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #target: TargetState;
  readonly #clock: Clock;

  constructor(next: CallLayer, target: TargetState, clock: Clock) {
    this.#next = next;
    this.#target = target;
    this.#clock = clock;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const state = this.#target.method(call.method);
    const startMs = this.#clock.monotonic();
    if (!this.#target.breaker.enter(startMs)) {
      return Promise.reject(this.#breakerOpen(state, startMs));
    }
    state.metrics.attemptsStarted.value++;
    return this.#next.unary(call).then(
      (response) => {
        this.#answered(state, startMs);
        return response;
      },
      (error) => this.#failed(error, { state, startMs, signal: call.signal }),
    );
  }

  /** For a stream, its beginning is the outcome. */
  stream(call: OutgoingStream): Promise<StreamResponse> {
    const state = this.#target.method(call.method);
    const startMs = this.#clock.monotonic();
    if (!this.#target.breaker.enter(startMs)) {
      return Promise.reject(this.#breakerOpen(state, startMs));
    }
    state.metrics.attemptsStarted.value++;
    return this.#next.stream(call).then(
      (response) => {
        this.#answered(state, startMs);
        return response;
      },
      (error) => this.#failed(error, { state, startMs, signal: call.signal }),
    );
  }

  #breakerOpen(state: MethodState, nowMs: number): ConnectError {
    return breakerOpenError(state.dependency, this.#target.breaker.retryAfterMs(nowMs));
  }

  #answered(state: MethodState, startMs: number): void {
    const nowMs = this.#clock.monotonic();
    this.#target.breaker.succeeded(nowMs);
    state.metrics.attemptEnded(undefined, nowMs - startMs);
  }

  #failed(reason: unknown, { state, startMs, signal }: Attempt): never {
    const error = ConnectError.from(reason);
    if (endedByDeadline(signal)) {
      markOwnTimer(error);
    }
    const nowMs = this.#clock.monotonic();
    const { breaker } = this.#target;
    state.metrics.attemptEnded(error.code, nowMs - startMs);
    const deliveryStatus = deliveryStatusOf(error);
    if (hasNoOutcome(error) || (deliveryStatus === "lost" && startMs <= breaker.failedAtMs)) {
      // All calls of one connection break at once: that is one failure, not as many as there were calls.
      breaker.endedWithoutOutcome();
    } else if (isTransportFailure(error, { waitedMs: nowMs - startMs, contractMs: state.policy.timeoutMs })) {
      breaker.failed(nowMs, error.rawMessage);
    } else if (isOwnTimer(error)) {
      breaker.endedWithoutOutcome();
    } else {
      breaker.succeeded(nowMs);
    }
    throw error;
  }
}

interface Attempt {
  readonly state: MethodState;
  readonly startMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Whether the deadline of the incoming call ended it: the two pass at the same moment, and either may be
 * noticed first. The target gave no answer in all that time.
 */
function endedByDeadline(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && isDeadline(signal.reason);
}

/** Whether a failure says nothing about the target: the caller cancelled, or the server drained the connection. */
function hasNoOutcome(error: ConnectError): boolean {
  const deliveryStatus = deliveryStatusOf(error);
  return (
    deliveryStatus === "unsent" ||
    deliveryStatus === "refused" ||
    (error.code === Code.Canceled && deliveryStatus !== "answered")
  );
}

/**
 * Whether a failure counts against the path to the target, or the target as a whole, rather than being an answer:
 * - UNAVAILABLE, unless it has a reason (`ErrorInfo`): then the service itself answered, for example because of a
 * dependency, and its other methods may well work;
 * - this side's deadline, if the target had at least half of the time that the contract allows. A caller's own short deadline says nothing about
 * the target, nor does a deadline without a timeout in the contract, as for streams, which may send nothing for long.
 */
function isTransportFailure(error: ConnectError, { waitedMs, contractMs = Number.POSITIVE_INFINITY }: Wait): boolean {
  if (error.code === Code.Unavailable) {
    return reasonOf(error) === undefined;
  }
  return isOwnTimer(error) && waitedMs >= contractMs / 2;
}

/** How long the attempt waited for the target, and the contract's timeout, in milliseconds. */
interface Wait {
  readonly waitedMs: number;
  readonly contractMs: number | undefined;
}
