import type { ContextValues } from "@connectrpc/connect";
import { type CallContext, type Caller, callContextKey } from "../../call/call-context.ts";
import type { Trace } from "../../call/trace.ts";

/** Creates the {@link CallContext} on demand. */
export interface ContextSource {
  readonly context: CallContext;
}

type Key<T> = Parameters<ContextValues["get"]>[0] & { readonly defaultValue: T };

/** A call's context values. The {@link CallContext} among them is created on first use. */
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

/** The parts of a {@link CallContext}. */
interface ContextParts {
  readonly requestId: string;
  readonly trace: Trace;
  readonly caller: Caller | undefined;
  readonly peer: string;
  readonly incoming: { header(name: string): string | undefined };
}

/** The context that is propagated from a call to its outgoing calls. */
export function outgoingContext(call: ContextParts): CallContext {
  const tracestate = call.incoming.header("tracestate");
  const baggage = call.incoming.header("baggage");
  return {
    requestId: call.requestId,
    traceparent: call.trace.traceparent,
    ...(tracestate === undefined || tracestate.length > tracestateCharsMax ? {} : { tracestate }),
    ...(baggage === undefined || baggage.length > baggageCharsMax ? {} : { baggage }),
    ...(call.caller === undefined ? {} : { caller: call.caller }),
    peer: call.peer,
  };
}

/** W3C Trace Context, section 3.3.1.5: at least 512 characters should be propagated. */
const tracestateCharsMax = 512;

/** W3C Baggage, section 3.3.2: at least 8,192 bytes must be propagated. */
const baggageCharsMax = 8_192;
