import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import { reasonError } from "../../call/reason-error.ts";
import type { IncomingCall } from "./incoming-call.ts";

export {
  messageTooLarge as requestTooLarge,
  sentMessageTooLarge as responseTooLarge,
} from "../../protocol/message-size.ts";

/** The reason of DEADLINE_EXCEEDED. */
export const deadlineReason = "DEADLINE_EXCEEDED";

/** A call whose deadline has passed. */
export interface ExpiredCall {
  readonly method: DescMethod;
  readonly runtime: { readonly timeoutMs: number };
  readonly incoming: Pick<IncomingCall, "timeoutMs" | "protocolName">;
}

/** DEADLINE_EXCEEDED: names the method, the limit, whether the caller or the server set it, and how to set a longer one. */
export function deadlineExceeded({ method, runtime, incoming }: ExpiredCall): ConnectError {
  const { timeoutMs: longestMs } = runtime;
  const askedMs = incoming.timeoutMs ?? Number.POSITIVE_INFINITY;
  const name = `${method.parent.typeName}/${method.name}`;
  const option = timeoutOptions[incoming.protocolName];
  const inContract = methodPolicy(method).timeoutMs !== undefined;
  const limit = inContract ? "rpc.v1.timeout in its contract" : "UNARY_TIMEOUT_MS of the server";
  const words =
    askedMs < longestMs
      ? `the deadline that the caller set with \`${option}\`. Set a longer one${longestMs === Number.POSITIVE_INFINITY ? "" : `; ${limit} allows ${longestMs} ms`}.`
      : `the longest that ${limit} allows. To allow more, raise it there.`;
  return new ConnectError(
    `${name} did not finish within ${Math.round(Math.min(askedMs, longestMs))} ms, ${words}`,
    Code.DeadlineExceeded,
  );
}

/** The header with which a caller sets a deadline, by protocol. */
const timeoutOptions: Readonly<Record<IncomingCall["protocolName"], string>> = {
  grpc: "grpc-timeout",
  "grpc-web": "grpc-timeout",
  connect: "connect-timeout-ms",
  rest: "X-Server-Timeout",
};

/** DEADLINE_EXCEEDED with the reason REQUEST_TOO_SLOW: the request's body paused for too long. */
export function bodyTooSlow(bodyIdleTimeoutMs: number): ConnectError {
  return reasonError(Code.DeadlineExceeded, {
    reason: "REQUEST_TOO_SLOW",
    message: `The request's body paused for more than ${bodyIdleTimeoutMs} ms (BODY_IDLE_TIMEOUT_MS). Send it without pauses.`,
  });
}

/** UNAVAILABLE with the reason STREAM_AGE_REACHED, for a stream at its maximum age. The client reconnects, and resumes where it ended. */
export function streamAgeReached(): ConnectError {
  return reasonError(Code.Unavailable, {
    reason: "STREAM_AGE_REACHED",
    message:
      "The stream has reached its maximum age (STREAM_AGE_MAX_MS). Open it again, from the last position received.",
  });
}

/** UNAVAILABLE, for calls that the server aborts when it shuts down. */
export function shuttingDown(): ConnectError {
  return new ConnectError("The server is shutting down. Try again: another replica may answer.", Code.Unavailable);
}
