import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { HedgingRule } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";
import { deliveryStatusOf, markDeliveryStatus, neverSent } from "../call/attempt-outcome.ts";
import { checkedHeader } from "../call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../call/call-layer.ts";
import { pushback } from "./retry-decision.ts";
import type { MethodState, TargetState } from "./target-state.ts";

/**
 * Sends a call again before it has failed, if the contract has hedging (gRPC's proposal A6, "Hedging Policy"): the next attempt after each hedging
 * delay, or at once after a non-fatal failure. The first response wins, and the other attempts are canceled. One deadline covers all of
 * them. Retry tokens limit them: with half of the target's used up, calls have one attempt.
 */
export class HedgingLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #target: TargetState;
  readonly #environment: Pick<Environment, "clock" | "log">;

  constructor(next: CallLayer, target: TargetState, environment: Pick<Environment, "clock" | "log">) {
    this.#next = next;
    this.#target = target;
    this.#environment = environment;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const state = this.#target.method(call.method);
    const { hedging } = state.policy;
    if (hedging === undefined) {
      return this.#next.unary(call);
    }
    const options = { rule: hedging, next: this.#next, state, target: this.#target, environment: this.#environment };
    return new Promise((resolve, reject) => new HedgedCall(call, { ...options, resolve, reject }).begin());
  }

  /** Streams are not hedged. */
  stream(call: OutgoingStream): Promise<StreamResponse> {
    return this.#next.stream(call);
  }
}

interface HedgedCallOptions {
  readonly rule: HedgingRule;
  readonly next: CallLayer;
  readonly state: MethodState;
  readonly target: TargetState;
  readonly environment: Pick<Environment, "clock" | "log">;
  readonly resolve: (response: UnaryResponse) => void;
  readonly reject: (error: ConnectError) => void;
}

/** The attempts of one call. */
class HedgedCall {
  readonly #call: OutgoingUnary;
  readonly #options: HedgedCallOptions;
  readonly #deadlineMs: number | undefined;
  readonly #controller = new AbortController();
  #attempts = 0;
  #open = 0;
  #mayHedge = true;
  #mayHaveArrived = false;
  #settled = false;
  #lastError: ConnectError | undefined;
  #cancelTimer: () => void = () => {};

  constructor(call: OutgoingUnary, options: HedgedCallOptions) {
    this.#call = call;
    this.#options = options;
    const { timeoutMs } = call;
    this.#deadlineMs = timeoutMs === undefined ? undefined : options.environment.clock.monotonic() + timeoutMs;
  }

  begin(): void {
    const { signal } = this.#call;
    if (signal?.aborted) {
      this.#controller.abort(signal.reason);
    }
    signal?.addEventListener("abort", this);
    this.#attempt();
  }

  /** The caller's signal has aborted: the attempts end, and the last one ends the call. */
  handleEvent(): void {
    this.#mayHedge = false;
    this.#controller.abort(this.#call.signal?.reason);
  }

  #attempt(): void {
    const { next, environment, state, rule } = this.#options;
    const previous = this.#attempts++;
    this.#open++;
    if (previous > 0) {
      state.metrics.hedges.value++;
      environment.log.debug(
        { method: state.name, target: this.#options.target.name, attempt: this.#attempts },
        "hedging",
      );
    }
    const timeoutMs = this.#deadlineMs === undefined ? undefined : this.#deadlineMs - environment.clock.monotonic();
    // A6: "grpc-previous-rpc-attempts", the number of attempts before this one; not sent with the first.
    const header =
      previous === 0
        ? this.#call.header
        : checkedHeader(this.#call.header).and("grpc-previous-rpc-attempts", String(previous));
    next.unary({ ...this.#call, timeoutMs, header, signal: this.#controller.signal }).then(
      (response) => this.#answered(response),
      (error) => this.#failed(ConnectError.from(error)),
    );
    this.#schedule(rule.delayMs);
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer();
    if (this.#mayHedge && this.#attempts < this.#options.rule.attemptsMax) {
      this.#cancelTimer = this.#options.environment.clock.after(delayMs, () => this.#hedge());
    }
  }

  /** Sends another attempt, if the target's retry tokens allow one. */
  #hedge(): void {
    if (this.#options.target.throttle.allows) {
      this.#attempt();
    } else {
      this.#mayHedge = false;
      this.#options.state.metrics.throttledRetries.value++;
      this.#endIfNoAttemptIsLeft();
    }
  }

  #answered(response: UnaryResponse): void {
    this.#open--;
    if (!this.#settled) {
      this.#settle();
      this.#options.resolve(response);
    }
  }

  #failed(error: ConnectError): void {
    this.#open--;
    if (this.#settled) {
      return;
    }
    const { rule, target } = this.#options;
    const deliveryStatus = deliveryStatusOf(error);
    this.#mayHaveArrived ||= !neverSent(error);
    const isFatal = !rule.nonFatalCodes.has(error.code) || isOver(error);
    const waitMs = pushback(error);
    if (!isFatal || waitMs === "stop") {
      target.throttle.failed();
    }
    if (isFatal && deliveryStatus !== "breaker-open") {
      this.#fail(error);
      return;
    }
    if (waitMs === "stop" || deliveryStatus === "breaker-open" || this.#attempts >= rule.attemptsMax) {
      this.#mayHedge = false;
      this.#cancelTimer();
    }
    this.#lastError = error;
    if (this.#mayHedge && waitMs !== "stop") {
      this.#schedule(waitMs ?? 0);
    } else {
      this.#endIfNoAttemptIsLeft();
    }
  }

  #endIfNoAttemptIsLeft(): void {
    if (this.#open === 0 && this.#lastError !== undefined) {
      this.#fail(this.#lastError);
    }
  }

  #fail(error: ConnectError): void {
    this.#settle();
    this.#options.reject(this.#mayHaveArrived && neverSent(error) ? markDeliveryStatus(error, "unknown") : error);
  }

  #settle(): void {
    this.#settled = true;
    this.#cancelTimer();
    this.#call.signal?.removeEventListener("abort", this);
    if (this.#open > 0) {
      this.#controller.abort(new ConnectError("another attempt was answered first", Code.Canceled));
    }
  }
}

/** Whether the call as a whole has ended: its caller gave up, or its deadline has passed. */
function isOver(error: ConnectError): boolean {
  return (
    (error.code === Code.Canceled || error.code === Code.DeadlineExceeded) && deliveryStatusOf(error) !== "answered"
  );
}
