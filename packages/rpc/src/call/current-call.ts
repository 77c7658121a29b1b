import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext } from "./call-context.ts";

/** Something that is done for a call: its context is made when it is asked for. */
export interface CallScope {
  readonly context: CallContext;
}

const scopes = new AsyncLocalStorage<CallScope>();

/** Runs a function, and all that it begins, as part of a call. Only where something is recorded. */
export function withinCall<A extends unknown[], R>(scope: CallScope, run: (...values: A) => R, ...values: A): R {
  return scopes.run(scope, run, ...values);
}

/** The call that what runs now is part of, for what is recorded of it. Undefined outside of calls, and where nothing is recorded. */
export function currentCall(): CallContext | undefined {
  return scopes.getStore()?.context;
}
