import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { LiveService, LiveTopic, type WatchLiveResponse } from "@parley/gen/gateway/v1/live_service_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { InventoryService, WatchStockResponseSchema } from "@parley/gen/product/v1/inventory_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { connectInMemory } from "@parley/rpc/testing";
import { afterEach, describe, expect, it } from "vitest";
import type { BackendStates } from "../backend-health.ts";
import { createLiveService } from "./live-service.ts";

const environment = systemEnvironment({ name: "test", logLevel: "silent" });
const ended = new Set<AbortController>();

afterEach(() => {
  for (const controller of ended) {
    controller.abort();
  }
  ended.clear();
});

/** A stream of stock that breaks after each change, and orders that no caller may watch. */
function brokenStreams() {
  const asked: string[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(InventoryService, {
      async *watchStock({ afterPosition }) {
        asked.push(afterPosition);
        const position = String(Number(afterPosition || 0) + 1);
        yield create(WatchStockResponseSchema, { productId: "101", stock: 100 - Number(position), position });
        throw new ConnectError("gone", Code.Unavailable);
      },
    });
    service(OrderService, {
      // biome-ignore lint/correctness/useYield: it throws before it could yield.
      async *watchOrders() {
        throw new ConnectError("not yours", Code.PermissionDenied);
      },
    });
  });
  return { asked, transport };
}

function watch(topics: readonly LiveTopic[], states: () => BackendStates = () => ({})) {
  const streams = brokenStreams();
  const entry = createLiveService({
    environment,
    local: () => streams.transport,
    addressOf: () => "127.0.0.1",
    backendStates: async () => states(),
  });
  const live = createClient(LiveService, connectInMemory({ entries: [entry] }, environment));
  const controller = new AbortController();
  ended.add(controller);
  return { ...streams, answers: live.watchLive({ topics: [...topics] }, { signal: controller.signal }) };
}

/** Reads until `enough` returns true. */
async function until(
  answers: AsyncIterable<WatchLiveResponse>,
  enough: (all: readonly WatchLiveResponse[]) => boolean,
): Promise<readonly WatchLiveResponse[]> {
  const all: WatchLiveResponse[] = [];
  for await (const answer of answers) {
    all.push(answer);
    if (enough(all)) {
      break;
    }
  }
  return all;
}

describe("the live stream", () => {
  it("resumes a broken topic after its last position", async () => {
    const { answers, asked } = watch([LiveTopic.STOCK]);
    const all = await until(answers, (found) => found.flatMap(({ stock }) => stock).length >= 3);
    expect(all.flatMap(({ stock }) => stock.map(({ position }) => position)).slice(0, 3)).toEqual(["1", "2", "3"]);
    expect(asked.slice(0, 3)).toEqual(["", "1", "2"]);
  });

  it("reports a refused topic once, and continues with the others", async () => {
    const { answers } = watch([LiveTopic.ORDERS, LiveTopic.STOCK]);
    const all = await until(answers, (found) => found.flatMap(({ stock }) => stock).length >= 2);
    const refused = all.flatMap(({ statuses }) => statuses).filter(({ topic }) => topic === LiveTopic.ORDERS);
    expect(refused.at(-1)).toMatchObject({
      watched: false,
      code: "permission_denied",
      message: "not yours",
      retried: false,
    });
    expect(refused.filter(({ watched }) => !watched)).toHaveLength(1);
  });

  it("reports the health of the processes, and each change", async () => {
    let state: "SERVING" | "UNREACHABLE" = "SERVING";
    const { answers } = watch([LiveTopic.HEALTH], () => ({ order: state }));
    const all = await until(answers, (found) => {
      state = "UNREACHABLE";
      return found.flatMap(({ health }) => health).length >= 2;
    });
    expect(all.flatMap(({ health }) => health.map(({ process, state }) => `${process} ${state}`))).toEqual([
      "order SERVING",
      "order UNREACHABLE",
    ]);
  });

  it.each([[[]], [[LiveTopic.UNSPECIFIED]], [[LiveTopic.STOCK, LiveTopic.STOCK]], [[99 as LiveTopic]]])(
    "refuses %j as topics",
    async (topics) => {
      const { answers } = watch(topics);
      const error = await until(answers, () => true).catch((failure: unknown) => ConnectError.from(failure));
      expect(error).toMatchObject({ code: Code.InvalidArgument });
    },
  );
});
