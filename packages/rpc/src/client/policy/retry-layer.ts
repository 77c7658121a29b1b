import type { StreamResponse, UnaryResponse } from "@connectrpc/connect";
import type { Environment } from "../../environment/environment.ts";
import { checkedHeader, type MetadataInit } from "../call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../call/call-layer.ts";
import { type RecoverOptions, recover } from "./recover.ts";
import { replay, startOf } from "./stream-start.ts";
import type { MethodState, TargetState } from "./target-state.ts";
import { waitsForReady } from "./wait-for-ready.ts";

/**
 * Retries failed calls by gRPC's proposal A6: one deadline covers all attempts, and each sends
 * only the remaining time. A unary call may be retried until its response is complete, since none of it is visible before; a server
 * stream until its first message; streams with client messages are not retried.
 */
export class RetryLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #target: TargetState;
  readonly #environment: Environment;

  constructor(next: CallLayer, target: TargetState, environment: Environment) {
    this.#next = next;
    this.#target = target;
    this.#environment = environment;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const startMs = this.#environment.clock.monotonic();
    return this.#next.unary(call).then(
      (response) => {
        this.#target.throttle.succeeded();
        return response;
      },
      (error) => {
        const state = this.#target.method(call.method);
        return recover(error, {
          ...this.#options(state, call, startMs),
          repeatable: isRepeatable(state, call.input),
          attempt: (timeoutMs, previousAttempts) =>
            this.#next.unary({ ...call, timeoutMs, header: withAttempts(call.header, previousAttempts) }),
        });
      },
    );
  }

  async stream(call: OutgoingStream): Promise<StreamResponse> {
    const state = this.#target.method(call.method);
    if (call.method.methodKind !== "server_streaming") {
      return this.#next.stream(call);
    }
    const startMs = this.#environment.clock.monotonic();
    const request = await startOf(call.input);
    const attempt = async (timeoutMs: number | undefined, previousAttempts: number): Promise<StreamResponse> => {
      const header = withAttempts(call.header, previousAttempts);
      const response = await this.#next.stream({ ...call, timeoutMs, header, input: replay(request) });
      // If the contract allows a retry, a failure before the first message must be noticed here. Otherwise it is not awaited.
      return state.policy.retry === undefined ? response : { ...response, message: await started(response.message) };
    };
    try {
      const response = await attempt(call.timeoutMs, 0);
      this.#target.throttle.succeeded();
      return response;
    } catch (error) {
      return recover(error, {
        ...this.#options(state, call, startMs),
        repeatable: isRepeatable(state, request[0]),
        attempt,
      });
    }
  }

  #options(
    state: MethodState,
    { signal, timeoutMs, contextValues }: OutgoingUnary | OutgoingStream,
    startMs: number,
  ): Omit<RecoverOptions<never>, "attempt" | "repeatable"> {
    return {
      state,
      signal,
      deadlineMs: timeoutMs === undefined ? undefined : startMs + timeoutMs,
      target: this.#target,
      environment: this.#environment,
      waitForReady: waitsForReady(contextValues),
    };
  }
}

async function started<T>(messages: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = messages[Symbol.asyncIterator]();
  let first: IteratorResult<T> | undefined = await iterator.next();
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        if (first === undefined) {
          return iterator.next();
        }
        const result = first;
        first = undefined;
        return Promise.resolve(result);
      },
      async return(value) {
        await iterator.return?.();
        return { done: true, value };
      },
    }),
  };
}

function isRepeatable({ policy }: MethodState, request: unknown): boolean {
  if (policy.repeatable !== "with-request-id") {
    return policy.repeatable === "always";
  }
  return Boolean((request as { readonly requestId?: string } | undefined)?.requestId);
}

/** A6: "grpc-previous-rpc-attempts", the number of attempts before this one; not sent with the first. */
function withAttempts(header: MetadataInit | undefined, previousAttempts: number): MetadataInit | undefined {
  if (previousAttempts === 0) {
    return header;
  }
  return checkedHeader(header).and("grpc-previous-rpc-attempts", String(previousAttempts));
}
