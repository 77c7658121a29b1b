import { Code, ConnectError } from "@connectrpc/connect";
import { reasonError } from "../../call/reason-error.ts";

export {
  messageTooLarge as requestTooLarge,
  sentMessageTooLarge as responseTooLarge,
} from "../../protocol/message-size.ts";

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

export function deadlineExceeded(): ConnectError {
  return new ConnectError("the call took longer than its deadline allows", Code.DeadlineExceeded);
}
