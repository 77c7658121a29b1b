import type { Clock } from "@parley/rpc";
import type { LoggedEvent, WatchOptions } from "../event-log.ts";
import { createWakeUp } from "../wake-up.ts";
import { audienceOf } from "./audience.ts";
import type { LogPart, LogReader } from "./log-reader.ts";
import { decodePosition, encodePosition, UnreadablePositionError } from "./position.ts";

/** Checks the database at this interval: another replica may have appended. */
const pollIntervalMs = 1000;

export interface WatchSource {
  readonly reader: LogReader;
  readonly clock: Clock;
  readonly onAppended: (callback: () => void) => () => void;
}

/** Reads a log from a position on. The call, not the first `next`, determines the start. */
export function watchEvents(options: WatchOptions, source: WatchSource): AsyncIterable<LoggedEvent> {
  const start = findStart(options.afterPosition, source.reader);
  // The iteration throws the error. This prevents an unhandled rejection if the stream is never read.
  start.catch(() => {});
  return follow(start, options, source);
}

async function findStart(afterPosition: string | undefined, reader: LogReader): Promise<number> {
  const after = afterPosition === undefined || afterPosition === "" ? undefined : decodePosition(afterPosition);
  const head = await reader.head();
  if (after !== undefined && after > head) {
    throw new UnreadablePositionError();
  }
  return after ?? head;
}

async function* follow(
  start: Promise<number>,
  { types, audiences = [], signal }: WatchOptions,
  { reader, clock, onAppended }: WatchSource,
): AsyncGenerator<LoggedEvent> {
  const wanted = new Set(types);
  const wantedAudiences = new Set(audiences);
  const wakeUp = createWakeUp(clock);
  const unsubscribe = onAppended(wakeUp.wake);
  signal.addEventListener("abort", wakeUp.close, { once: true });
  try {
    let at = await start;
    let atEnd = false;
    while (!signal.aborted) {
      wakeUp.reset();
      const part: LogPart = await (atEnd ? reader.readEnd(at) : reader.read(at, { types, audiences }));
      for (const event of part.events) {
        if (signal.aborted) {
          return;
        }
        if (wanted.has(event.type) && (wantedAudiences.size === 0 || wantedAudiences.has(audienceOf(event)))) {
          yield { event, position: encodePosition(Number(event.sequence)) };
        }
      }
      at = part.through;
      atEnd = at >= part.head;
      if (atEnd && !signal.aborted) {
        await wakeUp.wait(pollIntervalMs);
      }
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", wakeUp.close);
  }
}
