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

/** What is known of a call whose time is up. */
export interface ExpiredCall {
  readonly method: DescMethod;
  readonly runtime: { readonly timeoutMs: number };
  readonly incoming: Pick<IncomingCall, "timeoutMs" | "protocolName">;
}

/** Says that a call's time is up: which method, how long it was, who set it, and how to set a longer one. */
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

/** How a caller sets a deadline, by protocol. */
const timeoutOptions: Readonly<Record<IncomingCall["protocolName"], string>> = {
  grpc: "grpc-timeout",
  "grpc-web": "grpc-timeout",
  connect: "connect-timeout-ms",
  rest: "X-Server-Timeout",
};

/** Says that a body paused for too long. */
export function bodyTooSlow(bodyIdleTimeoutMs: number): ConnectError {
  return reasonError(Code.DeadlineExceeded, {
    reason: "REQUEST_TOO_SLOW",
    message: `The request's body paused for more than ${bodyIdleTimeoutMs} ms (BODY_IDLE_TIMEOUT_MS). Send it without pauses.`,
  });
}

/** Ends a stream that has reached its maximum age. The client opens another, and resumes where this one ended. */
export function streamAgeReached(): ConnectError {
  return reasonError(Code.Unavailable, {
    reason: "STREAM_AGE_REACHED",
    message:
      "The stream has reached its maximum age (STREAM_AGE_MAX_MS). Open it again, from the last position received.",
  });
}

/** What a call is told that the server cuts off itself. */
export function shuttingDown(): ConnectError {
  return new ConnectError("The server is shutting down. Try again: another replica may answer.", Code.Unavailable);
}
