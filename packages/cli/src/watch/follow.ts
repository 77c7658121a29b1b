import { Code, ConnectError } from "@connectrpc/connect";
import { type Clock, sleep } from "@parley/rpc";

/** How a stream that is followed stands. */
export type StreamState =
  | { readonly kind: "connecting" }
  | { readonly kind: "watching" }
  /** It broke and is opened again. */
  | { readonly kind: "waiting"; readonly error: ConnectError | undefined; readonly againInMs: number }
  /** What it should go on with is gone: something was missed. */
  | { readonly kind: "gap" }
  /** It will not be opened again. */
  | { readonly kind: "given-up"; readonly error: ConnectError };

export interface FollowOptions<T extends { readonly position: string }> {
  /** Opens the stream after a position, or from now on if that is empty, and calls back when the service has taken it. */
  readonly open: (afterPosition: string, options: OpenOptions) => AsyncIterable<T>;
  readonly onMessage: (message: T) => void;
  readonly onState: (state: StreamState) => void;
  /** Asked where a failure would be final: whether what it complains of was mended, so that the stream is opened again. */
  readonly mend?: (failure: ConnectError) => Promise<boolean>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  readonly onHeader: () => void;
}

/** A stream that has not failed for so long is taken to be open: many servers send no headers before the first message. */
const openAfterMs = 500;
const firstWaitMs = 250;
const longestWaitMs = 5_000;

/** What no second try mends. */
const finalCodes: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
]);

/**
 * Follows a stream until the signal aborts: where it breaks it is opened again, after the last position seen, so that nothing is
 * missed and nothing told twice. Settles when the signal aborted or the stream was given up; never rejects for what the
 * service does.
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
    if (failure !== undefined && finalCodes.has(failure.code) && !(await options.mend?.(failure))) {
      onState({ kind: "given-up", error: failure });
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
