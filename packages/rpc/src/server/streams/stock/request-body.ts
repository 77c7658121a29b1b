import type { ServerLimits } from "../../config/server-limits.ts";
import { bodyTooSlow } from "../../pipeline/limit-errors.ts";
import type { ServerCall } from "../../pipeline/server-call.ts";

interface GuardOptions {
  /** The body's call. Undefined until the call is opened, which is before the body is read. */
  callOf(): ServerCall | undefined;
  readonly limits: ServerLimits;
}

/**
 * Bounds the reading of a body by its call's deadline. A body of one message may not pause for longer than `bodyIdleTimeoutMs`
 * either, since a client that sends one byte a second would hold a place. Streams of messages may pause until their deadline.
 */
export function guardBody(
  body: AsyncIterable<Uint8Array>,
  { callOf, limits }: GuardOptions,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = body[Symbol.asyncIterator]();
      return {
        next() {
          const call = callOf();
          if (call === undefined) {
            return iterator.next();
          }
          return oneMessage(call)
            ? call.race(withinIdleLimit(call, iterator.next(), limits))
            : call.race(iterator.next());
        },
        // Not forwarded: it would destroy the request, and its connection before the response is sent.
        return: (value?: unknown) => Promise.resolve({ done: true, value }),
      };
    },
  };
}

function oneMessage(call: ServerCall): boolean {
  return call.method.methodKind === "unary" || call.method.methodKind === "server_streaming";
}

function withinIdleLimit<T>(call: ServerCall, chunk: Promise<T>, { bodyIdleTimeoutMs }: ServerLimits): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = call.after(bodyIdleTimeoutMs, () => reject(bodyTooSlow(bodyIdleTimeoutMs)));
    chunk.then(resolve, reject).finally(cancel);
  });
}
