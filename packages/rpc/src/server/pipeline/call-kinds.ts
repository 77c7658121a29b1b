import type { ServerCall } from "./server-call.ts";

/** A call of one message, and the implementation that it is for. */
export interface Single<I, O> {
  readonly request: I;
  handle(request: I, call: ServerCall): O | Promise<O>;
}

/** A call of one message that is answered with many, and the implementation that it is for. */
export interface SingleToMany<I, O> {
  readonly request: I;
  handle(request: I, call: ServerCall): AsyncIterable<O>;
}

/** A call of many messages, and the implementation that it is for. */
export interface Many<I, O> {
  readonly requests: AsyncIterable<I>;
  handle(requests: AsyncIterable<I>, call: ServerCall): O;
}
