import { Code, ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";

/** Says that a request is larger than allowed. `bytes` where it is known how large it is. */
export function requestTooLarge(bytesMax: number, bytes?: number): ConnectError {
  return tooLarge(`readMaxBytes ${bytesMax}`, bytes);
}

/** Says that a response is larger than allowed. */
export function responseTooLarge(bytesMax: number, bytes: number): ConnectError {
  return tooLarge(`writeMaxBytes ${bytesMax}`, bytes);
}

/** In the words of stock Connect, so that a caller is told the same whichever way its call went. */
function tooLarge(limit: string, bytes: number | undefined): ConnectError {
  const size = bytes === undefined ? "" : ` ${bytes}`;
  return new ConnectError(`message size${size} is larger than configured ${limit}`, Code.ResourceExhausted);
}

/** Says that a body paused for too long. */
export function bodyTooSlow(bodyIdleTimeoutMs: number): ConnectError {
  return reasonError(Code.DeadlineExceeded, {
    reason: "REQUEST_TOO_SLOW",
    message: `the request's body paused for more than ${bodyIdleTimeoutMs} ms`,
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
