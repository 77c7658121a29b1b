import type { ServerLimits } from "../../config/server-limits.ts";
import { bodyTooSlow } from "../../pipeline/limit-errors.ts";
import type { ServerCall } from "../../pipeline/server-call.ts";

interface GuardOptions {
  /** The call that the body belongs to. Undefined until it is opened, which is before the body is read. */
  callOf(): ServerCall | undefined;
  readonly limits: ServerLimits;
}

/**
 * The body, for as long as its call may take. A body with one message may not pause for long either: a client that sends one
 * byte a second holds a place that others need. Streams of messages may pause; their deadline bounds them.
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
        // Not passed on: it would destroy the request, and with it a connection on which the answer is still to be sent.
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
