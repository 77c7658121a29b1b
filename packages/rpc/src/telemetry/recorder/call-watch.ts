import type { Clock } from "../../environment/clock.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import type { Recorder } from "./recorder.ts";

export interface CallWatchOptions {
  readonly clock: Clock;
  readonly matches: (span: RecordedSpan) => boolean;
  /** Something else to look for, every {@link lookMs}: a batch without spans is due if it returns true. */
  readonly isDue?: () => boolean;
  readonly signal: AbortSignal;
}

/** Ended spans, and the number of dropped ones. */
export interface WatchedSpans {
  readonly spans: readonly RecordedSpan[];
  readonly lost: number;
}

/**
 * The maximum number of spans per second for one watcher. Spans above it are dropped and counted: reporting a call must cost less than the call.
 */
export const watchedPerSecondMax = 500;
/** A watcher at its limit gets a share in each interval of this length. All get the same spans, so that each is encoded once. */
const shareMs = 20;
const shareLength = (watchedPerSecondMax * shareMs) / 1_000;
/** The batching delay, in milliseconds. */
const gatherMs = 100;
/** The interval of {@link CallWatchOptions.isDue}, in milliseconds. */
const lookMs = 500;
/** The maximum batch size, and the maximum queue of a slow watcher. */
export const watchedTogetherMax = 256;
const waitingMax = 1_024;

/** Batches of spans that end from now on, until the signal aborts. A slow watcher loses spans, and receives their number. */
export async function* watchCalls(
  recorder: Pick<Recorder, "listen">,
  { clock, matches, isDue, signal }: CallWatchOptions,
): AsyncGenerator<WatchedSpans> {
  let waiting: RecordedSpan[] = [];
  let lost = 0;
  let allowance = watchedPerSecondMax;
  let interval = Math.floor(clock.monotonic() / shareMs);
  let wake: (() => void) | undefined;
  const stop = recorder.listen((read, endMs) => {
    if (allowance < 1) {
      const current = Math.floor(endMs / shareMs);
      if (current <= interval) {
        // Counted without filtering: the filter costs as much as sending the span.
        lost++;
        return;
      }
      allowance = Math.min(watchedPerSecondMax, (current - interval) * shareLength);
      interval = current;
    }
    const span = read();
    if (!matches(span)) {
      return;
    }
    allowance--;
    if (waiting.length >= waitingMax) {
      lost++;
      return;
    }
    waiting.push(span);
    wake?.();
  });
  const onAbort = () => wake?.();
  signal.addEventListener("abort", onAbort);
  let due = false;
  const look = () => {
    cancelLook = clock.after(lookMs, look);
    if (isDue?.() === true) {
      due = true;
      wake?.();
    }
  };
  let cancelLook = isDue === undefined ? () => {} : clock.after(lookMs, look);
  try {
    while (!signal.aborted) {
      if (waiting.length === 0 && !due) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
        await pause(clock, signal);
      }
      const spans = waiting.slice(0, watchedTogetherMax);
      waiting = waiting.slice(watchedTogetherMax);
      const lostNow = lost;
      lost = 0;
      if (spans.length > 0 || due) {
        due = false;
        yield { spans, lost: lostNow };
      }
    }
  } finally {
    stop();
    cancelLook();
    signal.removeEventListener("abort", onAbort);
  }
}

function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const cancel = clock.after(gatherMs, end);
    function end() {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    }
    signal.addEventListener("abort", end);
  });
}
