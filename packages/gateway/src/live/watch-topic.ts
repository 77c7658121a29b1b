import { Code, ConnectError } from "@connectrpc/connect";
import type { LiveTopic } from "@parley/gen/gateway/v1/live_service_pb.js";
import { type Environment, sleep } from "@parley/rpc";
import type { LiveBatch } from "./live-batch.ts";

/** One stream that is watched for a page. */
export interface TopicSource<T> {
  /** The position to resume after. Empty: only changes from now on. */
  readonly position: string;
  readonly open: (afterPosition: string) => AsyncIterable<T>;
  /** Stores a response; the promise resolves when there is room for the next. */
  readonly put: (answer: T) => Promise<void> | undefined;
}

/** The state that all topics of one page share. */
export interface TopicWatch extends Pick<Environment, "clock" | "random"> {
  readonly batch: LiveBatch;
  readonly signal: AbortSignal;
}

/** The wait before a topic is watched again, in milliseconds: the first, which doubles, and the longest. */
const waitMs = { first: 250, longest: 5_000 };

/** The codes of errors that a retry does not fix. */
const permanentCodes: ReadonlySet<Code> = new Set([
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.Unimplemented,
  Code.InvalidArgument,
]);

/**
 * Watches a topic until the signal aborts or a permanent error occurs. Reopens the stream after each end, after its last position. If
 * that position is too old (OUT_OF_RANGE), it resumes with the changes from then on.
 */
export async function watchTopic<T>(topic: LiveTopic, source: TopicSource<T>, watch: TopicWatch): Promise<void> {
  const { batch, clock, random, signal } = watch;
  let { position } = source;
  let nextWaitMs = waitMs.first;
  while (!signal.aborted) {
    // The services' streams send nothing until something changes, so a topic counts as watched until its stream fails.
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
    const retried = error === undefined || !permanentCodes.has(error.code);
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

/** `not_found` for NotFound; `unavailable` for an end without an error, for example when a server drains. */
function codeOf(error: ConnectError | undefined): string {
  return error === undefined
    ? "unavailable"
    : (Code[error.code] ?? "unknown").replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}
