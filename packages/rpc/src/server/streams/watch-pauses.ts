import { bodyTooSlow } from "../pipeline/limit-errors.ts";
import type { ServerCall } from "../pipeline/server-call.ts";

interface PauseOptions {
  readonly call: ServerCall;
  readonly bodyIdleTimeoutMs: number;
  onPause(error: unknown): void;
}

/** Tells of a body of one message that pauses for too long: a caller that sends a byte a second holds what others need. Returns what ends the watch. */
export function watchPauses(
  body: { readonly receivedBytes: number },
  { call, bodyIdleTimeoutMs, onPause }: PauseOptions,
): () => void {
  let before = body.receivedBytes;
  let cancel = call.after(bodyIdleTimeoutMs, look);
  function look() {
    if (body.receivedBytes === before) {
      onPause(bodyTooSlow(bodyIdleTimeoutMs));
    } else {
      before = body.receivedBytes;
      cancel = call.after(bodyIdleTimeoutMs, look);
    }
  }
  return () => cancel();
}
