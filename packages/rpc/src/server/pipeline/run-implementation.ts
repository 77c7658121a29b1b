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

/** Calls the implementation of a unary method. The receiver is called at once where nothing must be waited for. */
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

/** The timer that cuts calls off is late where the event loop is: nothing is OK after its deadline all the same. */
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

/** The elements until the call is aborted, which then throws, also while the next element is being waited for. */
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
      // Not waited for: an implementation that hangs does not hold up its caller's answer.
      iterator.return?.()?.catch(ignoreLateFailure);
    }
  }
}

/** The caller has its answer; later errors of the implementation are dropped. */
function ignoreLateFailure(): void {}
