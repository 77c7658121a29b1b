import { Code, createClient, createContextValues, type HandlerContext, type Transport } from "@connectrpc/connect";
import { LiveService, LiveTopic, type WatchLiveRequest } from "@parley/gen/gateway/v1/live_service_pb.js";
import { NotificationService } from "@parley/gen/notification/v1/notification_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { TelemetryService } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { type Environment, reasonError, sleep } from "@parley/rpc";
import { implement, peerKey, type ServiceEntry } from "@parley/rpc/server";
import type { BackendStates } from "../backend-health.ts";
import { requestHeader } from "../request-header.ts";
import { LiveBatch } from "./live-batch.ts";
import { watchHealth } from "./watch-health.ts";
import { type TopicSource, type TopicWatch, watchTopic } from "./watch-topic.ts";

export interface LiveServiceOptions {
  readonly environment: Pick<Environment, "clock" | "random">;
  /** Calls the gateway's own methods as an outside caller does, so that each topic is authorised like its method. */
  readonly local: () => Transport;
  readonly addressOf: (context: HandlerContext) => string;
  readonly backendStates: () => Promise<BackendStates>;
}

/** How long changes are gathered before they are sent together, in milliseconds: thousands of calls a second become twenty messages. */
const gatherMs = 50;

/** Merges the streams that a page watches into one. */
export function createLiveService(options: LiveServiceOptions): ServiceEntry {
  const { clock, random } = options.environment;
  return implement(LiveService, {
    async *watchLive(request, context) {
      checkTopics(request.topics);
      const ended = new AbortController();
      const signal = AbortSignal.any([context.signal, ended.signal]);
      const batch = new LiveBatch(signal);
      const watch = { batch, clock, random, signal };
      const topics = request.topics.map((topic) => startTopic(topic, request, { ...options, context, watch }));
      try {
        while (!signal.aborted) {
          await batch.filled;
          await sleep(clock, gatherMs, signal).catch(() => {});
          if (!batch.isEmpty) {
            yield batch.take();
          }
        }
      } finally {
        ended.abort();
        await Promise.all(topics);
      }
    },
  });
}

function checkTopics(topics: readonly LiveTopic[]): void {
  for (const [index, topic] of topics.entries()) {
    if (topic === LiveTopic.UNSPECIFIED || LiveTopic[topic] === undefined || topics.indexOf(topic) !== index) {
      throw reasonError(Code.InvalidArgument, {
        reason: "INVALID_REQUEST",
        message: `topics[${index}]: must be a topic of gateway.v1.LiveTopic, each at most once`,
      });
    }
  }
}

interface TopicOptions extends LiveServiceOptions {
  readonly context: HandlerContext;
  readonly watch: TopicWatch;
}

/** Watches one topic until the stream ends. Never rejects. */
function startTopic(topic: LiveTopic, request: WatchLiveRequest, options: TopicOptions): Promise<void> {
  const { local, context, watch, addressOf, backendStates } = options;
  const authorization = requestHeader(context, "authorization");
  const call = {
    signal: watch.signal,
    headers: authorization === undefined ? {} : { authorization },
    contextValues: createContextValues().set(peerKey, addressOf(context)),
  };
  const { userId, callFilter, callPayloads: payloads } = request;
  const { batch } = watch;
  const start = <T>(source: TopicSource<T>) => watchTopic(topic, source, watch);
  switch (topic) {
    case LiveTopic.STOCK:
      return start({
        position: request.stockPosition,
        open: (afterPosition) => createClient(InventoryService, local()).watchStock({ afterPosition }, call),
        put: (change) => batch.addStock(change),
      });
    case LiveTopic.ORDERS:
      return start({
        position: request.orderPosition,
        open: (afterPosition) => createClient(OrderService, local()).watchOrders({ userId, afterPosition }, call),
        put: (change) => batch.addOrder(change),
      });
    case LiveTopic.NOTIFICATIONS:
      return start({
        position: request.notificationPosition,
        open: (afterPosition) =>
          createClient(NotificationService, local()).watchNotifications({ userId, afterPosition }, call),
        put: (change) => batch.addNotification(change),
      });
    case LiveTopic.CALLS: {
      const filter = callFilter === undefined ? {} : { filter: callFilter };
      return start({
        position: "",
        open: () => createClient(TelemetryService, local()).watchCalls({ ...filter, payloads }, call),
        put: (calls) => batch.addCalls(calls),
      });
    }
    default:
      return watchHealth(backendStates, watch);
  }
}
