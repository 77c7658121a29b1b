import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, sleep } from "@parley/rpc";

/** The state of a followed stream. */
export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "watching" }
  /** It broke and is being reopened. */
  | { readonly kind: "waiting"; readonly error: ConnectError | undefined; readonly againInMs: number }
  /** Its position is gone: there is a gap. */
  | { readonly kind: "gap" }
  /** It will not be reopened. */
  | { readonly kind: "failed"; readonly error: ConnectError };

export interface FollowOptions<T extends { readonly position: string }> {
  /** Opens the stream after a position, or from now on if it is empty, and calls `onHeader` when the service has accepted it. */
  readonly open: (afterPosition: string, options: OpenOptions) => AsyncIterable<T>;
  readonly onMessage: (message: T) => void;
  readonly onState: (state: StreamState) => void;
  /** Called after a final failure: whether its cause was fixed, so that the stream is reopened. */
  readonly recover?: (failure: ConnectError) => Promise<boolean>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  readonly onHeader: () => void;
}

/** A stream without a failure for this time counts as open: many servers send no headers before the first message. */
const openAfterMs = 500;
const firstWaitMs = 250;
const longestWaitMs = 5_000;

/** Codes for which a retry is useless. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
]);

/**
 * Follows a stream until the signal aborts: a broken one is reopened after the last received position, with no gap
 * and no repeat. Resolves when the signal aborts or the stream has failed permanently; never rejects for failures of the service.
 */
export async function follow<T extends { readonly position: string }>(options: FollowOptions<T>): Promise<void> {
  const { clock, signal, onState, onMessage } = options;
  let position = "";
  let waitMs = firstWaitMs;
  while (!signal.aborted) {
    onState({ kind: "connecting" });
    let isOpen = false;
    const onHeader = () => {
      if (!isOpen) {
        isOpen = true;
        onState({ kind: "watching" });
      }
    };
    const cancelOpen = clock.after(openAfterMs, onHeader);
    let failure: ConnectError | undefined;
    try {
      for await (const message of options.open(position, { signal, onHeader })) {
        onHeader();
        waitMs = firstWaitMs;
        position = message.position;
        onMessage(message);
      }
    } catch (error) {
      failure = ConnectError.from(error);
    } finally {
      cancelOpen();
    }
    if (signal.aborted) {
      return;
    }
    if (failure !== undefined && finalCodes.has(failure.code) && !(await options.recover?.(failure))) {
      onState({ kind: "failed", error: failure });
      return;
    }
    if (failure?.code === Code.OutOfRange) {
      position = "";
      onState({ kind: "gap" });
    }
    onState({ kind: "waiting", error: failure, againInMs: waitMs });
    await sleep(clock, waitMs, signal).catch(() => {});
    waitMs = Math.min(longestWaitMs, waitMs * 2);
  }
}
