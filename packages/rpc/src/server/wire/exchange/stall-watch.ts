import type { AnyHttp2Stream } from "@parley/http2";
import { errorCode } from "@parley/http2";
import type { Clock } from "../../../environment/clock.ts";
import { type Linked, LinkedList } from "../../../environment/linked-list.ts";

/** Resets streams whose peer does not read the response. */
export interface StallWatch {
  /** Adds a stream with a response. */
  watch(answering: Answering): void;
  /** Removes a stream that has ended. */
  forget(answering: Answering): void;
}

/** A stream with a response. */
export interface Answering extends Linked<Answering> {
  readonly stream: AnyHttp2Stream;
  /** The unsent bytes at the last check. Only the watch uses it. */
  unreadBytes: number;
}

/**
 * Resets streams whose response is not read for `stallTimeoutMs`, or at most twice that. One periodic check of all streams costs
 * far less than a timer for each.
 */
export function createStallWatch(clock: Clock, stallTimeoutMs: number): StallWatch {
  const unread = new LinkedList<Answering>();
  let looking = false;
  function look() {
    for (const answering of [...unread]) {
      const { stream, unreadBytes } = answering;
      const left = stream.queuedBytes;
      if (left > 0 && left === unreadBytes) {
        stream.reset(errorCode.cancel);
      } else {
        answering.unreadBytes = left;
      }
    }
    looking = unread.size > 0;
    if (looking) {
      clock.after(stallTimeoutMs, look);
    }
  }
  return {
    watch(answering) {
      unread.add(answering);
      if (!looking) {
        looking = true;
        clock.after(stallTimeoutMs, look);
      }
    },
    forget: (answering) => unread.delete(answering),
  };
}
