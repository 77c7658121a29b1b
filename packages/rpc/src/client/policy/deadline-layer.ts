import type { ConnectError, StreamResponse, UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../../environment/clock.ts";
import { canceledBy, checkBeforeSending, deadlinePassed } from "../call/call-end.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../call/call-layer.ts";

/**
 * Enforces the deadline for any transport, by the given clock. For transports that are
 * passed in, for example in memory; the wire transports enforce it themselves, at a lower cost.
 */
export class DeadlineLayer implements CallLayer {
  readonly #next: CallLayer;
  readonly #clock: Clock;

  constructor(next: CallLayer, clock: Clock) {
    this.#next = next;
    this.#clock = clock;
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    return this.#within(call, (signal) => this.#next.unary({ ...call, signal }));
  }

  /** A stream's deadline covers its whole length; after its beginning, the signal ends it. */
  stream(call: OutgoingStream): Promise<StreamResponse> {
    return this.#within(call, (signal) => this.#next.stream({ ...call, signal }), { goesOn: true });
  }

  #within<T>(
    { signal, timeoutMs }: OutgoingUnary | OutgoingStream,
    send: (signal: AbortSignal) => Promise<T>,
    { goesOn = false }: { readonly goesOn?: boolean } = {},
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    try {
      checkBeforeSending({ signal, timeoutMs });
    } catch (error) {
      return Promise.reject(error);
    }
    const controller = new AbortController();
    const end = (error: ConnectError) => {
      settle();
      reject(error);
      controller.abort(error);
    };
    const cancel = () => end(canceledBy(signal));
    const settle = () => {
      cancelTimer();
      signal?.removeEventListener("abort", cancel);
    };
    const cancelTimer = timeoutMs === undefined ? () => {} : this.#clock.after(timeoutMs, () => end(deadlinePassed()));
    signal?.addEventListener("abort", cancel, { once: true });
    new Promise<T>((begun) => begun(send(controller.signal))).then(
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
