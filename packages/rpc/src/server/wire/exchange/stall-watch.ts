import type { AnyHttp2Stream } from "@parley/http2";
import { errorCode } from "@parley/http2";
import type { Clock } from "../../../environment/clock.ts";
import { type Linked, LinkedList } from "../../../environment/linked-list.ts";

/** Sees to it that answers are read. */
export interface StallWatch {
  /** From now on the stream has an answer on it. */
  watch(answering: Answering): void;
  /** The stream has ended. */
  forget(answering: Answering): void;
}

/** A stream with an answer on it. */
export interface Answering extends Linked<Answering> {
  readonly stream: AnyHttp2Stream;
  /** The bytes that were left when it was last looked at, which is the watch's own affair. */
  unreadBytes: number;
}

/**
 * Resets streams whose response is not read for `stallTimeoutMs`, or for twice that at most. One look at all of them from time
 * to time costs a call far less than a timer of its own.
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
