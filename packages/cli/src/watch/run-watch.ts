import { type DescMessage, type Message, toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  NotificationService,
  type WatchNotificationsResponse,
  WatchNotificationsResponseSchema,
} from "@parley/gen/notification/v1/notification_service_pb.js";
import {
  OrderService,
  type WatchOrdersResponse,
  WatchOrdersResponseSchema,
} from "@parley/gen/order/v1/order_service_pb.js";
import {
  InventoryService,
  type WatchStockResponse,
  WatchStockResponseSchema,
} from "@parley/gen/product/v1/inventory_service_pb.js";
import { systemClock } from "@parley/rpc";
import type { Connection } from "../connection/connection.ts";
import { exitCodeOf, exitCodes } from "../outcome/exit-codes.ts";
import { codeName, failureLines } from "../outcome/failure.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { type FollowOptions, follow, type StreamState } from "./follow.ts";
import { notificationLine, orderLine, stockLine } from "./happenings.ts";
import { renewal } from "./renewal.ts";

/** The streams that can be watched. */
export const watchable = ["orders", "stock", "notifications"] as const;
export type Watchable = (typeof watchable)[number];

export interface WatchOptions {
  readonly connection: Connection;
  readonly terminal: Terminal;
  readonly only: readonly Watchable[];
  readonly json: boolean;
  /** Gets the next access token, once. Without it a stream ends when its token expires. */
  readonly refreshToken?: string | undefined;
  readonly signal: AbortSignal;
}

/** Shows orders, stock and notifications as they change, each stream resumed after a break. Returns the exit code. */
export async function runWatch(options: WatchOptions): Promise<number> {
  const { connection, terminal, only, json, signal } = options;
  const { colors } = terminal;
  const states = new Map<Watchable, StreamState>();
  const { headers } = connection;
  const recover = renewal(connection, options.refreshToken);
  const orders = createClient(OrderService, connection.transport(OrderService.typeName));
  const inventory = createClient(InventoryService, connection.transport(InventoryService.typeName));
  const notifications = createClient(NotificationService, connection.transport(NotificationService.typeName));

  function watch<T extends Message & { readonly position: string }>(
    name: Watchable,
    { schema, line, open }: Stream<T>,
  ): Promise<void> {
    return follow<T>({
      open,
      recover,
      clock: systemClock,
      signal,
      onMessage: (message) => terminal.log(json ? jsonLine(name, schema, message) : happening(name, line(message))),
      onState: (state) => reportState(name, state),
    });
  }

  function happening(name: Watchable, line: string): string {
    const time = new Date().toTimeString().slice(0, 8);
    return `${colors.dim(time)}  ${colors.bold(name.replace(/s$/, "").padEnd(12))}  ${line}`;
  }

  function reportState(name: Watchable, state: StreamState): void {
    const before = states.get(name);
    states.set(name, state);
    if (state.kind === "gap") {
      terminal.say(colors.yellow(`${name}: some changes are no longer available; continuing from now`));
    } else if (state.kind === "failed") {
      terminal.say(failureLines(state.error, { colors }).join("\n"));
    } else if (!terminal.interactive && state.kind === "watching" && before?.kind !== "watching") {
      terminal.say(`${name}: watching`);
    } else if (!terminal.interactive && state.kind === "waiting") {
      terminal.say(`${name}: ${stateInWords(state)}`);
    }
    terminal.status(
      [...states]
        .map(([one, { kind }]) => `${kind === "watching" ? "●" : "○"} ${one}${kind === "watching" ? "" : " …"}`)
        .join("   "),
    );
  }

  const streams: Readonly<Record<Watchable, () => Promise<void>>> = {
    orders: () =>
      watch<WatchOrdersResponse>("orders", {
        schema: WatchOrdersResponseSchema,
        line: (message) => orderLine(message, colors),
        open: (afterPosition, options) => orders.watchOrders({ afterPosition }, { headers, ...options }),
      }),
    stock: () =>
      watch<WatchStockResponse>("stock", {
        schema: WatchStockResponseSchema,
        line: (message) => stockLine(message, colors),
        open: (afterPosition, options) => inventory.watchStock({ afterPosition }, { headers, ...options }),
      }),
    notifications: () =>
      watch<WatchNotificationsResponse>("notifications", {
        schema: WatchNotificationsResponseSchema,
        line: (message) => notificationLine(message, colors),
        open: (afterPosition, options) => notifications.watchNotifications({ afterPosition }, { headers, ...options }),
      }),
  };
  await Promise.all(only.map((name) => streams[name]()));
  terminal.status(undefined);
  const failed = [...states.values()].find((state) => state.kind === "failed");
  return signal.aborted || failed === undefined ? exitCodes.ok : exitCodeOf(failed.error.code);
}

interface Stream<T extends { readonly position: string }> extends Pick<FollowOptions<T>, "open"> {
  readonly schema: DescMessage;
  readonly line: (message: T) => string;
}

function stateInWords(state: StreamState & { kind: "waiting" }): string {
  const why = state.error === undefined ? "the service ended the stream" : codeName(state.error.code);
  return `${why}; retrying in ${state.againInMs} ms`;
}

function jsonLine(stream: Watchable, schema: DescMessage, message: Message): string {
  return JSON.stringify({ stream, ...(toJson(schema, message) as object) });
}
