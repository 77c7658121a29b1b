import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import type { CallLayer } from "../../call/call-layer.ts";

/**
 * How much earlier than ours a server's own timer for the same deadline may fire, in milliseconds: it starts from the same
 * number, and clocks are not synchronous.
 */
const timerSlackMs = 10;

/**
 * The stock transports' streams, with correct codes. A malformed response is the server's fault, so
 * INTERNAL: stock Connect uses INVALID_ARGUMENT, which blames the caller. A server that resets a stream at its deadline has not
 * cancelled it: DEADLINE_EXCEEDED, as with the deadline's own timer.
 */
export function withRightCodes(stock: CallLayer, clock: Clock): CallLayer["stream"] {
  return async (call) => {
    const { signal, timeoutMs } = call;
    const deadlineMs = clock.monotonic() + (timeoutMs ?? Number.POSITIVE_INFINITY) - timerSlackMs;
    const rightError = (error: unknown) => {
      const timedOut = isReset(error) && signal?.aborted !== true && clock.monotonic() >= deadlineMs;
      return timedOut ? deadlinePassed(error) : blamedError(error);
    };
    try {
      const response = await stock.stream(call);
      return { ...response, message: withErrors(response.message, rightError) };
    } catch (error) {
      throw rightError(error);
    }
  };
}

async function* withErrors<T>(messages: AsyncIterable<T>, rightError: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw rightError(error);
  }
}

function isReset(error: unknown): error is ConnectError {
  return error instanceof ConnectError && !error.isWireError && error.code === Code.Canceled;
}

function deadlinePassed(error: ConnectError): ConnectError {
  return new ConnectError(
    "the call took longer than its deadline allows",
    Code.DeadlineExceeded,
    error.metadata,
    undefined,
    error,
  );
}

function blamedError(error: unknown): unknown {
  const broken =
    error instanceof ConnectError &&
    !error.isWireError &&
    error.code === Code.InvalidArgument &&
    error.rawMessage.startsWith("protocol error: ");
  return broken ? new ConnectError(error.rawMessage, Code.Internal, error.metadata, undefined, error) : error;
}
