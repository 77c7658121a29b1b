import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../environment/clock.ts";
import { turnIsOver } from "../../environment/event-loop-turn.ts";
import type { Single } from "./call-kinds.ts";
import { toCallerError } from "./error-mapping.ts";
import type { Settled } from "./incoming-call.ts";
import type { ServerCall } from "./server-call.ts";

export interface Running<O> {
  readonly receiver: Settled<O>;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Calls the implementation of a unary method. The receiver is called synchronously if the implementation is synchronous. */
export function runUnary<I, O>(call: ServerCall, { request, handle }: Single<I, O>, running: Running<O>): void {
  const { receiver } = running;
  let answer: O | Promise<O>;
  try {
    answer = handle(request, call);
  } catch (error) {
    receiver.onError(toCallerError(call, error));
    return;
  }
  if (isPromise(answer)) {
    call.settle(answer, {
      onValue: (value) => answerInTime(call, value, running),
      onError: (error) => receiver.onError(toCallerError(call, error)),
    });
  } else {
    answerInTime(call, answer, running);
  }
}

/** Checks the deadline again, since its timer may be late when the event loop is busy. */
function answerInTime<O>(call: ServerCall, answer: O, { receiver, clock }: Running<O>): void {
  const nowMs = clock.monotonic();
  call.answeredMs = nowMs;
  call.response = answer;
  if (nowMs >= call.deadlineMs) {
    call.expire();
    receiver.onError(toCallerError(call, call.aborted));
  } else {
    receiver.onValue(answer);
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === "function";
}

/** Iterates until the call is aborted, then throws the abort's reason, also while the next element is pending. */
export async function* untilAborted<T>(call: ServerCall, elements: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = elements[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    while (true) {
      const next = await call.race(iterator.next());
      if (next.done === true) {
        exhausted = true;
        return;
      }
      yield next.value;
      if (turnIsOver()) {
        await nextTurn();
      }
    }
  } catch (error) {
    exhausted = call.aborted === undefined;
    throw error;
  } finally {
    if (!exhausted) {
      // Not awaited, so that an implementation that hangs does not delay the caller's response.
      iterator.return?.()?.catch(ignoreLateFailure);
    }
  }
}

/** The caller already has its response, so later errors of the implementation are dropped. */
function ignoreLateFailure(): void {}
