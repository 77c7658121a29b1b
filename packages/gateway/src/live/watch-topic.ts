import { Code, ConnectError } from "@connectrpc/connect";
import type { LiveTopic } from "@parley/gen/gateway/v1/live_service_pb.js";
import { type Environment, sleep } from "@parley/rpc";
import type { LiveBatch } from "./live-batch.ts";

/** One stream that is watched for a page. */
export interface TopicSource<T> {
  /** Where to begin. Empty: with what changes from now on. */
  readonly position: string;
  readonly open: (afterPosition: string) => AsyncIterable<T>;
  /** Takes an answer; settles when there is room for the next. */
  readonly put: (answer: T) => Promise<void> | undefined;
}

/** What all topics of one page share. */
export interface TopicWatch extends Pick<Environment, "clock" | "random"> {
  readonly batch: LiveBatch;
  readonly signal: AbortSignal;
}

/** The wait before a topic is watched again, in milliseconds: the first, which doubles, and the longest. */
const waitMs = { first: 250, longest: 5_000 };

/** These do not get better by themselves: the caller may not, or asked for something that there is not. */
const lasting: ReadonlySet<Code> = new Set([
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
  Code.InvalidArgument,
]);

/**
 * Watches a topic until the signal aborts or it can never succeed: again after each end, from the position that it had reached. A
 * position that is too old is given up, and the topic goes on with what changes from then on.
 */
export async function watchTopic<T>(topic: LiveTopic, source: TopicSource<T>, watch: TopicWatch): Promise<void> {
  const { batch, clock, random, signal } = watch;
  let { position } = source;
  let nextWaitMs = waitMs.first;
  while (!signal.aborted) {
    // The services' streams answer nothing until something changes: a topic that was asked for and not refused is watched.
    batch.addStatus({ topic, watched: true, code: "", message: "", retried: false });
    let error: ConnectError | undefined;
    try {
      for await (const answer of source.open(position)) {
        position = (answer as { readonly position?: string }).position || position;
        nextWaitMs = waitMs.first;
        await source.put(answer);
      }
    } catch (failure) {
      error = ConnectError.from(failure);
    }
    if (signal.aborted) {
      return;
    }
    if (error?.code === Code.OutOfRange) {
      position = "";
    }
    const retried = error === undefined || !lasting.has(error.code);
    batch.addStatus({
      topic,
      watched: false,
      code: codeOf(error),
      message: error?.rawMessage ?? "the stream ended",
      retried,
    });
    if (!retried) {
      return;
    }
    await sleep(clock, nextWaitMs * (0.8 + 0.4 * random()), signal).catch(() => {});
    nextWaitMs = Math.min(nextWaitMs * 2, waitMs.longest);
  }
}

/** `not_found` for NotFound; `unavailable` for an end without an error, which a server that drains may be the cause of. */
function codeOf(error: ConnectError | undefined): string {
  return error === undefined
    ? "unavailable"
    : (Code[error.code] ?? "unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}
