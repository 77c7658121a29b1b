import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createFetchTransport } from "@parley/client";
import {
  LiveService,
  LiveTopic,
  type LiveTopicStatus,
  type WatchLiveRequest,
  WatchLiveRequestSchema,
  type WatchLiveResponse,
} from "@parley/gen/gateway/v1/live_service_pb.js";
import { effect, signal } from "@preact/signals";
import { baseUrl, withToken } from "../session/api.ts";
import { isAdmin, session } from "../session/session.ts";
import { signIn } from "../session/tokens.ts";

/** The state of the live stream. */
export type Connection = "connecting" | "open" | "lost";

export const connection = signal<Connection>("connecting");
/** The status of each topic, as the gateway reports it. */
export const topicStatus = signal<ReadonlyMap<LiveTopic, LiveTopicStatus>>(new Map());
/** The health of each process behind the gateway. */
export const health = signal<ReadonlyMap<string, string>>(new Map());

type Reader = (response: WatchLiveResponse) => void;
const readers = new Set<Reader>();

/** Calls the reader for every response. Call the result to unsubscribe. */
export function readLive(reader: Reader): () => void {
  readers.add(reader);
  return () => readers.delete(reader);
}

/** The number of views that need the calls between services. They are streamed only if it is not 0. */
const callReaders = signal(0);

export function wantCalls(): () => void {
  callReaders.value += 1;
  return () => {
    callReaders.value -= 1;
  };
}

/** Calls stay subscribed for this long after their last view was closed: switching between views opens no new stream. */
const callsUnsubscribeDelayMs = 60_000;

const positions = { stockPosition: "", orderPosition: "", notificationPosition: "" };
const waits = { firstMs: 250, longestMs: 5_000 };
const live = createClient(
  LiveService,
  createFetchTransport({
    baseUrl,
    useBinaryFormat: true,
    messageBytesMax: 16 * 1024 * 1024,
    interceptors: [withToken],
  }),
);

/** Keeps the stream open while the page is open, with the requested topics and the caller's token. */
export function startLive(): void {
  const wantsCalls = signal(false);
  let unsubscribeTimer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    clearTimeout(unsubscribeTimer);
    if (callReaders.value > 0) {
      wantsCalls.value = true;
    } else {
      unsubscribeTimer = setTimeout(() => {
        wantsCalls.value = false;
      }, callsUnsubscribeDelayMs);
    }
  });
  effect(() => {
    const { value } = session;
    if (value === undefined) {
      return;
    }
    const ended = new AbortController();
    const userId = signIn.value?.userId;
    const admin = isAdmin();
    const topics = [LiveTopic.STOCK, LiveTopic.HEALTH];
    if (userId !== undefined || admin) {
      topics.push(LiveTopic.ORDERS, LiveTopic.NOTIFICATIONS);
    }
    if (wantsCalls.value && admin) {
      topics.push(LiveTopic.CALLS);
    }
    void watch({ topics, userId: admin ? "" : (userId ?? "") }, ended.signal);
    return () => ended.abort();
  });
}

async function watch(request: Pick<WatchLiveRequest, "topics" | "userId">, signal: AbortSignal): Promise<void> {
  let waitMs = waits.firstMs;
  while (!signal.aborted) {
    // Not read as a signal: the effect must not run again on each change.
    connection.value = connection.peek() === "open" ? "open" : "connecting";
    try {
      const answers = live.watchLive(create(WatchLiveRequestSchema, { ...request, ...positions }), { signal });
      for await (const answer of answers) {
        waitMs = waits.firstMs;
        connection.value = "open";
        take(answer);
      }
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      if (ConnectError.from(error).code === Code.Unauthenticated) {
        signIn.value = undefined;
      }
    }
    if (signal.aborted) {
      return;
    }
    connection.value = "lost";
    await new Promise((resolve) => setTimeout(resolve, waitMs * (0.8 + 0.4 * Math.random())));
    waitMs = Math.min(waitMs * 2, waits.longestMs);
  }
}

function take(answer: WatchLiveResponse): void {
  positions.stockPosition = answer.stock.at(-1)?.position || positions.stockPosition;
  positions.orderPosition = answer.orders.at(-1)?.position || positions.orderPosition;
  positions.notificationPosition = answer.notifications.at(-1)?.position || positions.notificationPosition;
  if (answer.statuses.length > 0) {
    topicStatus.value = new Map([
      ...topicStatus.value,
      ...answer.statuses.map((status) => [status.topic, status] as const),
    ]);
  }
  if (answer.health.length > 0) {
    health.value = new Map(answer.health.map(({ process, state }) => [process, state]));
  }
  for (const reader of readers) {
    reader(answer);
  }
}
