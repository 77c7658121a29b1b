import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import {
  ConnectError,
  type ContextValues,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import { callContextKey } from "../call/call-context.ts";
import type { Environment } from "../environment/environment.ts";
import { callHeader, type MetadataInit } from "./call-header.ts";
import { nameDependency } from "./policy/dependency-error.ts";
import type { MethodState, TargetState } from "./policy/target-state.ts";

/**
 * The outermost layer of a client: what a call takes from its contract and from the call that it is made for. The deadline is the
 * contract's, cut to what the caller asked for; metadata carries the incoming call's request id, trace and caller on. What ends the call
 * is counted, and an UNAVAILABLE says which dependency is meant.
 */
export class CallTransport implements Transport {
  readonly #next: Transport;
  readonly #target: TargetState;
  readonly #environment: Environment;
  readonly #defaultTimeoutMs: number;

  constructor(
    next: Transport,
    target: TargetState,
    { environment, defaultTimeoutMs }: { readonly environment: Environment; readonly defaultTimeoutMs: number },
  ) {
    this.#next = next;
    this.#target = target;
    this.#environment = environment;
    this.#defaultTimeoutMs = defaultTimeoutMs;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    const { clock } = this.#environment;
    const startMs = clock.monotonic();
    const state = this.#target.method(method);
    const limitMs = timeLimitMs(state, timeoutMs) ?? this.#defaultTimeoutMs;
    const metadata = callHeader(header, contextValues?.get(callContextKey), this.#environment);
    return this.#next.unary(method, signal, limitMs, metadata, input, contextValues).then(
      (response) => {
        state.metrics.callEnded(undefined, clock.monotonic() - startMs);
        return response;
      },
      (error) => this.#failed(error, state, startMs),
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
    const startMs = this.#environment.clock.monotonic();
    const state = this.#target.method(method);
    const metadata = callHeader(header, contextValues?.get(callContextKey), this.#environment);
    const limitMs = timeLimitMs(state, timeoutMs);
    try {
      const response = await this.#next.stream(method, signal, limitMs, metadata, input, contextValues);
      return { ...response, message: this.#counted(response.message, state, startMs) };
    } catch (error) {
      return this.#failed(error, state, startMs);
    }
  }

  /** The messages of a stream, with its end counted. */
  #counted<T>(messages: AsyncIterable<T>, state: MethodState, startMs: number): AsyncIterable<T> {
    const { clock } = this.#environment;
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = messages[Symbol.asyncIterator]();
        return {
          next: () =>
            iterator.next().then(
              (result) => {
                if (result.done) {
                  state.metrics.callEnded(undefined, clock.monotonic() - startMs);
                }
                return result;
              },
              (error) => this.#failed(error, state, startMs),
            ),
        };
      },
    };
  }

  #failed(reason: unknown, state: MethodState, startMs: number): never {
    const error = nameDependency(ConnectError.from(reason), state.dependency);
    state.metrics.callEnded(error.code, this.#environment.clock.monotonic() - startMs);
    throw error;
  }
}

function timeLimitMs({ policy }: MethodState, askedMs: number | undefined): number | undefined {
  if (askedMs === undefined) {
    return policy.timeoutMs;
  }
  return policy.timeoutMs === undefined ? askedMs : Math.min(askedMs, policy.timeoutMs);
}
