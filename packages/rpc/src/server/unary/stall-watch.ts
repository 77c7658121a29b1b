import { constants, type ServerHttp2Stream } from "node:http2";
import type { Clock } from "../../environment/clock.ts";

/** Sees to it that answers are read. */
export interface StallWatch {
  /** From now on the stream has an answer on it. */
  watch(stream: ServerHttp2Stream): void;
  /** The stream has ended. */
  forget(stream: ServerHttp2Stream): void;
}

/**
 * Cuts streams whose answer nobody reads for `stallTimeoutMs`, or for twice that at most. One look at all of them from time
 * to time costs a call far less than a timer of its own.
 */
export function createStallWatch(clock: Clock, stallTimeoutMs: number): StallWatch {
  const unread = new Map<ServerHttp2Stream, number>();
  let looking = false;
  function look() {
    for (const [stream, before] of unread) {
      const left = stream.writableLength;
      if (left > 0 && left === before) {
        stream.close(constants.NGHTTP2_CANCEL);
      } else {
        unread.set(stream, left);
      }
    }
    looking = unread.size > 0;
    if (looking) {
      clock.after(stallTimeoutMs, look);
    }
  }
  return {
    watch(stream) {
      unread.set(stream, -1);
      if (!looking) {
        looking = true;
        clock.after(stallTimeoutMs, look);
      }
    },
    forget: (stream) => unread.delete(stream),
  };
}
