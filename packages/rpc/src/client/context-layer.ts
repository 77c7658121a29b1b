import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import { callContextKey } from "../call/call-context.ts";
import type { Environment } from "../environment/environment.ts";
import { type CheckedHeader, callHeader } from "./call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "./call/call-layer.ts";
import { type CallLimits, nameDeadline } from "./policy/deadline-words.ts";
import { nameDependency } from "./policy/dependency-error.ts";
import type { MethodState, TargetState } from "./policy/target-state.ts";

/**
 * Gives a call the policy of its contract and the context of its incoming call. The deadline is the contract's, reduced to the caller's own;
 * metadata carries the incoming call's request id, trace and caller. Counts the outcomes of calls, and names the dependency in an UNAVAILABLE.
 */
export class ContextLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #hedging: CallLayer;
  readonly #target: TargetState;
  readonly #environment: Environment;
  readonly #defaultTimeoutMs: number;

  constructor(
    next: CallLayer,
    target: TargetState,
    {
      environment,
      defaultTimeoutMs,
      hedging,
    }: {
      readonly environment: Environment;
      readonly defaultTimeoutMs: number;
      /** Replaces `next` for methods whose contract has hedging. */
      readonly hedging: CallLayer;
    },
  ) {
    this.#next = next;
    this.#hedging = hedging;
    this.#target = target;
    this.#environment = environment;
    this.#defaultTimeoutMs = defaultTimeoutMs;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const { clock } = this.#environment;
    const startMs = clock.monotonic();
    const state = this.#target.method(call.method);
    const { method, signal, contextValues, input } = call;
    const timeoutMs = timeLimitMs(state, call.timeoutMs) ?? this.#defaultTimeoutMs;
    const header = this.#header(call);
    const next = state.policy.hedging === undefined ? this.#next : this.#hedging;
    // An object literal: a spread costs several times as much, and every call passes here.
    return next.unary({ method, signal, timeoutMs, header, contextValues, input }).then(
      (response) => {
        state.metrics.callEnded(undefined, clock.monotonic() - startMs);
        return response;
      },
      (error) => this.#failed(error, state, { startMs, askedMs: call.timeoutMs, defaultMs: this.#defaultTimeoutMs }),
    );
  }

  async stream(call: OutgoingStream): Promise<StreamResponse> {
    const startMs = this.#environment.clock.monotonic();
    const state = this.#target.method(call.method);
    const times = { startMs, askedMs: call.timeoutMs, defaultMs: Number.POSITIVE_INFINITY };
    try {
      const timeoutMs = timeLimitMs(state, call.timeoutMs);
      const response = await this.#next.stream({ ...call, timeoutMs, header: this.#header(call) });
      return { ...response, message: this.#counted(response.message, state, times) };
    } catch (error) {
      return this.#failed(error, state, times);
    }
  }

  #header({ header, contextValues, method }: OutgoingUnary | OutgoingStream): CheckedHeader | undefined {
    return callHeader(header, {
      context: contextValues?.get(callContextKey),
      environment: this.#environment,
      contract: method.parent.typeName,
    });
  }

  /** The messages of a stream, with its end counted. A caller that stops reading cancels it. */
  #counted<T>(messages: AsyncIterable<T>, state: MethodState, times: CallTimes): AsyncIterable<T> {
    const { clock } = this.#environment;
    const { startMs } = times;
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = messages[Symbol.asyncIterator]();
        let ended = false;
        const end = (code?: Code) => {
          if (!ended) {
            ended = true;
            state.metrics.callEnded(code, clock.monotonic() - startMs);
          }
        };
        return {
          next: () =>
            iterator.next().then(
              (result) => {
                if (result.done) {
                  end();
                }
                return result;
              },
              (error) => {
                ended = true;
                return this.#failed(error, state, times);
              },
            ),
          return: async (value) => {
            end(Code.Canceled);
            await iterator.return?.();
            return { done: true, value };
          },
        };
      },
    };
  }

  #failed(reason: unknown, state: MethodState, times: CallTimes): never {
    const error = nameDeadline(nameDependency(ConnectError.from(reason), state.dependency), state, times);
    state.metrics.callEnded(error.code, this.#environment.clock.monotonic() - times.startMs);
    throw error;
  }
}

interface CallTimes extends CallLimits {
  readonly startMs: number;
}

function timeLimitMs({ policy }: MethodState, askedMs: number | undefined): number | undefined {
  if (askedMs === undefined) {
    return policy.timeoutMs;
  }
  return policy.timeoutMs === undefined ? askedMs : Math.min(askedMs, policy.timeoutMs);
}
