import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext } from "./call-context.ts";
import { callTracing } from "./call-tracing.ts";

/** Work for a call: its context is created on demand. */
export interface CallScope {
  readonly context: CallContext;
}

const scopes = new AsyncLocalStorage<CallScope>();
let isWanted = false;

/** Enables {@link currentCall}, which has a cost for each call. Must be called before methods are served. */
export function wantCurrentCall(): void {
  isWanted = true;
}

/** Whether {@link currentCall} is enabled. */
export function isCurrentCallWanted(): boolean {
  return isWanted;
}

/** Runs a function, and everything that it starts, as part of a call. Only if something is recorded. */
export function withinCall<A extends unknown[], R>(scope: CallScope, run: (...values: A) => R, ...values: A): R {
  const tracing = callTracing();
  return tracing === undefined
    ? scopes.run(scope, run, ...values)
    : scopes.run(scope, () => tracing.run(scope.context, () => run(...values)));
}

/** The messages of a stream, each made within a call: a generator runs in the context of its reader, not of its creation. */
export function iteratedWithinCall<T>(scope: CallScope, messages: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = withinCall(scope, () => messages[Symbol.asyncIterator]());
      return {
        next: () => withinCall(scope, () => iterator.next()),
        return: (value) =>
          withinCall(scope, async () => (await iterator.return?.(value)) ?? { done: true as const, value }),
      };
    },
  };
}

/** The call that the current code belongs to, for recording. Undefined outside of calls, and if nothing is recorded. */
export function currentCall(): CallContext | undefined {
  return scopes.getStore()?.context;
}
