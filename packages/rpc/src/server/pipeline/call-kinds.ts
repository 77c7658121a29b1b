import type { ServerCall } from "./server-call.ts";

/** A request of one message, and the implementation that handles it. One response. */
export interface Single<I, O> {
  readonly request: I;
  handle(request: I, call: ServerCall): O | Promise<O>;
}

/** A request of one message, and the implementation that handles it. A stream of responses. */
export interface SingleToMany<I, O> {
  readonly request: I;
  handle(request: I, call: ServerCall): AsyncIterable<O>;
}

/** A stream of requests, and the implementation that handles it. */
export interface Many<I, O> {
  readonly requests: AsyncIterable<I>;
  handle(requests: AsyncIterable<I>, call: ServerCall): O;
}
