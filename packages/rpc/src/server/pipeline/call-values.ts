import type { ContextValues } from "@connectrpc/connect";
import { type CallContext, callContextKey } from "../../call/call-context.ts";

/** Whoever makes the {@link CallContext}, when it is asked for. */
export interface ContextSource {
  readonly context: CallContext;
}

type Key<T> = Parameters<ContextValues["get"]>[0] & { readonly defaultValue: T };

/** A call's context values, of which the {@link CallContext} is made when it is asked for. */
export class CallValues implements ContextValues {
  readonly #call: ContextSource;
  readonly #values = new Map<symbol, unknown>();

  constructor(call: ContextSource) {
    this.#call = call;
  }

  get<T>(key: Key<T>): T {
    if (this.#values.has(key.id)) {
      return this.#values.get(key.id) as T;
    }
    return key.id === callContextKey.id ? (this.#call.context as T) : key.defaultValue;
  }

  set<T>(key: Key<T>, value: T): this {
    this.#values.set(key.id, value);
    return this;
  }

  delete(key: Key<unknown>): this {
    this.#values.delete(key.id);
    return this;
  }
}
