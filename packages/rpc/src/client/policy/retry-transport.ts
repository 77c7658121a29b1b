import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import type { Environment } from "../../environment/environment.ts";
import { checkedHeader, type MetadataInit } from "../call-header.ts";
import { type RecoverOptions, recover } from "./recover.ts";
import { replay, startOf } from "./stream-start.ts";
import type { MethodState, TargetState } from "./target-state.ts";
import { waitsForReady } from "./wait-for-ready.ts";

/**
 * Makes further attempts at calls that failed, as gRPC's proposal A6 has it: one deadline over all of them, each attempt sending on only
 * the time that is left. A unary call may be repeated until its answer is complete, since nobody sees anything of it before; a server
 * stream until its first message; streams that the client writes to are not repeated.
 */
export class RetryTransport implements Transport {
  readonly #next: Transport;
  readonly #target: TargetState;
  readonly #environment: Environment;

  constructor(next: Transport, target: TargetState, environment: Environment) {
    this.#next = next;
    this.#target = target;
    this.#environment = environment;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const startMs = this.#environment.clock.monotonic();
    return this.#next.unary(method, signal, timeoutMs, header, input, contextValues).then(
      (response) => {
        this.#target.throttle.succeeded();
        return response;
      },
      (error) => {
        const state = this.#target.method(method);
        return recover(error, {
          ...this.#options(state, signal, contextValues),
          repeatable: isRepeatable(state, input),
          deadlineMs: timeoutMs === undefined ? undefined : startMs + timeoutMs,
          attempt: (leftMs, previousAttempts) =>
            this.#next.unary(method, signal, leftMs, withAttempts(header, previousAttempts), input, contextValues),
        });
      },
    );
  }

  async stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    const state = this.#target.method(method);
    if (method.methodKind !== "server_streaming") {
      return this.#next.stream(method, signal, timeoutMs, header, input, contextValues);
    }
    const startMs = this.#environment.clock.monotonic();
    const request = await startOf(input);
    const attempt = async (leftMs: number | undefined, previousAttempts: number): Promise<StreamResponse<I, O>> => {
      const metadata = withAttempts(header, previousAttempts);
      const response = await this.#next.stream(method, signal, leftMs, metadata, replay(request), contextValues);
      // Where the contract allows another attempt, a failure before the first message must show here. Elsewhere it is not waited for.
      return state.policy.retry === undefined ? response : { ...response, message: await started(response.message) };
    };
    try {
      const response = await attempt(timeoutMs, 0);
      this.#target.throttle.succeeded();
      return response;
    } catch (error) {
      return recover(error, {
        ...this.#options(state, signal, contextValues),
        repeatable: isRepeatable(state, request[0]),
        deadlineMs: timeoutMs === undefined ? undefined : startMs + timeoutMs,
        attempt,
      });
    }
  }

  #options(
    state: MethodState,
    signal: AbortSignal | undefined,
    contextValues: ContextValues | undefined,
  ): Omit<RecoverOptions<never>, "attempt" | "repeatable" | "deadlineMs"> {
    return {
      state,
      signal,
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
