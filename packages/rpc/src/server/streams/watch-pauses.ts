import { bodyTooSlow } from "../pipeline/limit-errors.ts";
import type { ServerCall } from "../pipeline/server-call.ts";

interface PauseOptions {
  readonly call: ServerCall;
  readonly bodyIdleTimeoutMs: number;
  onPause(error: unknown): void;
}

/** Calls `onPause` if a body makes no progress for `bodyIdleTimeoutMs`, so that slow clients do not hold resources. The result ends the watch. */
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
