import type { ServerCall } from "./server-call.ts";

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

/** The caller has its answer; what an implementation still throws while it is being ended has nobody to go to. */
function ignoreLateFailure(): void {}
