import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  LiveTopicStatusSchema,
  ProcessHealthSchema,
  WatchLiveResponseSchema,
} from "@parley/gen/gateway/v1/live_service_pb.js";
import type { WatchNotificationsResponse } from "@parley/gen/notification/v1/notification_service_pb.js";
import type { WatchOrdersResponse } from "@parley/gen/order/v1/order_service_pb.js";
import type { WatchStockResponse } from "@parley/gen/product/v1/inventory_service_pb.js";
import type { WatchCallsResponse } from "@parley/gen/rpc/v1/telemetry_pb.js";

/**
 * The most responses of all topics that are buffered for a page. Beyond that its streams are not read (backpressure), so that a slow page
 * slows only its own streams. Streams that may drop messages count the dropped ones.
 */
const responsesMax = 256;

/** The responses since the last message to the page. */
export class LiveBatch {
  #next = emptyBatch();
  #responses = 0;
  #changed = Promise.withResolvers<void>();
  #emptied = Promise.withResolvers<void>();

  /** All waits end when the signal aborts. */
  constructor(signal: AbortSignal) {
    signal.addEventListener("abort", () => {
      this.#changed.resolve();
      this.#emptied.resolve();
    });
  }

  get isEmpty(): boolean {
    const { stock, orders, notifications, calls, statuses, health } = this.#next;
    return [stock, orders, notifications, calls, statuses, health].every(({ length }) => length === 0);
  }

  addStock(change: WatchStockResponse): Promise<void> | undefined {
    this.#next.stock.push(change);
    return this.#added();
  }

  addOrder(change: WatchOrdersResponse): Promise<void> | undefined {
    this.#next.orders.push(change);
    return this.#added();
  }

  addNotification(change: WatchNotificationsResponse): Promise<void> | undefined {
    this.#next.notifications.push(change);
    return this.#added();
  }

  addCalls(calls: WatchCallsResponse): Promise<void> | undefined {
    this.#next.calls.push(calls);
    return this.#added();
  }

  /** Only the last status of a topic counts. */
  addStatus(status: MessageInitShape<typeof LiveTopicStatusSchema>): void {
    this.#next.statuses = [...this.#next.statuses.filter(({ topic }) => topic !== status.topic), status];
    this.#changed.resolve();
  }

  setHealth(health: readonly MessageInitShape<typeof ProcessHealthSchema>[]): void {
    this.#next.health = [...health];
    this.#changed.resolve();
  }

  /** Resolves when the batch is not empty, or the signal aborts. */
  get filled(): Promise<void> {
    return this.#changed.promise;
  }

  take(): MessageInitShape<typeof WatchLiveResponseSchema> {
    const taken = this.#next;
    this.#next = emptyBatch();
    this.#responses = 0;
    this.#changed = Promise.withResolvers();
    this.#emptied.resolve();
    this.#emptied = Promise.withResolvers();
    return taken;
  }

  /** Returns undefined while there is room; otherwise a promise that resolves when the batch is taken. */
  #added(): Promise<void> | undefined {
    this.#responses += 1;
    this.#changed.resolve();
    return this.#responses < responsesMax ? undefined : this.#emptied.promise;
  }
}

function emptyBatch() {
  return {
    stock: [] as WatchStockResponse[],
    orders: [] as WatchOrdersResponse[],
    notifications: [] as WatchNotificationsResponse[],
    calls: [] as WatchCallsResponse[],
    statuses: [] as MessageInitShape<typeof LiveTopicStatusSchema>[],
    health: [] as MessageInitShape<typeof ProcessHealthSchema>[],
  };
}
