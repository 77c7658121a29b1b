import { Code, type ConnectError } from "@connectrpc/connect";
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
