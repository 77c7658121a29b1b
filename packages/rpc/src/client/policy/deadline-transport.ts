import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from "@connectrpc/connect";
import type { Clock } from "../../environment/clock.ts";
import { markOwnTimer, markReach } from "../attempt-outcome.ts";
import type { MetadataInit } from "../call-header.ts";

/**
 * Holds any transport to the deadline by the clock given, whether or not the other side ever answers. For transports that are
 * handed in, for example in memory; the wire transports hold it themselves, for less.
 */
export class DeadlineTransport implements Transport {
  readonly #next: Transport;
  readonly #clock: Clock;

  constructor(next: Transport, clock: Clock) {
    this.#next = next;
    this.#clock = clock;
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    return this.#within(signal, timeoutMs, (ownSignal) =>
      this.#next.unary(method, ownSignal, timeoutMs, header, input, contextValues),
    );
  }

  /** A stream's deadline is over its whole length; after it has begun, the signal ends it. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
  ): Promise<StreamResponse<I, O>> {
    return this.#within(
      signal,
      timeoutMs,
      (ownSignal) => this.#next.stream(method, ownSignal, timeoutMs, header, input, contextValues),
      { goesOn: true },
    );
  }

  #within<T>(
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    call: (signal: AbortSignal) => Promise<T>,
    { goesOn = false }: { readonly goesOn?: boolean } = {},
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const controller = new AbortController();
    const end = (error: ConnectError) => {
      settle();
      reject(error);
      controller.abort(error);
    };
    const cancel = () => end(canceled(signal));
    const settle = () => {
      cancelTimer();
      signal?.removeEventListener("abort", cancel);
    };
    const cancelTimer =
      timeoutMs === undefined ? () => {} : this.#clock.after(Math.max(0, timeoutMs), () => end(timedOut()));
    if (signal?.aborted) {
      settle();
      return Promise.reject(markReach(canceled(signal), "unsent"));
    }
    if (timeoutMs !== undefined && timeoutMs <= 0) {
      settle();
      return Promise.reject(markReach(timedOut(), "unsent"));
    }
    signal?.addEventListener("abort", cancel, { once: true });
    new Promise<T>((begun) => begun(call(controller.signal))).then(
      (result) => {
        if (!goesOn) {
          settle();
        }
        resolve(result);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
    return promise;
  }
}

function timedOut(): ConnectError {
  return markOwnTimer(new ConnectError("the operation timed out", Code.DeadlineExceeded));
}

function canceled(signal: AbortSignal | undefined): ConnectError {
  const reason = ConnectError.from(signal?.reason, Code.Canceled);
  return new ConnectError(reason.rawMessage, reason.code, undefined, undefined, signal?.reason);
}
