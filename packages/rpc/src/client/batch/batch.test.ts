import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { methodPolicy } from "@parley/contract";
import { InventoryService, type ReserveStockRequest } from "@parley/gen/product/v1/inventory_service_pb.js";
import { describe, expect, it } from "vitest";
import { callContextKey } from "../../call/call-context.ts";
import { reasonError, reasonOf } from "../../call/reason-error.ts";
import { statusOfError } from "../../protocol/grpc-status.ts";
import { batchOf } from "../../server/pipeline/batch-of.ts";
import { implementPartly } from "../../server/pipeline/service-module.ts";
import { connectInMemory } from "../../testing/in-memory.ts";
import { type DeliveryStatus, markDeliveryStatus, neverSent } from "../call/attempt-outcome.ts";
import { rejection, standingEnvironment } from "../client-fixture.ts";
import { createServiceClient } from "../service-client.ts";
import { batchesUnderWay, batchSizeMax, gatherMsMax } from "./batch-queue.ts";

const backoffMs = methodPolicy(InventoryService.method.reserveStock).retry?.initialBackoffMs ?? Number.NaN;
const items = [{ productId: "101", quantity: 1 }];

type Reserve = (request: ReserveStockRequest, context: HandlerContext) => Promise<object>;

/** A client of a product service, which records its calls. */
function world(reserve: Reserve = answer, { batches = true }: { readonly batches?: boolean } = {}) {
  const environment = standingEnvironment();
  const seen: string[] = [];
  const batch = batchOf(InventoryService.method.reserveStock, () => reserve as never);
  const entry = implementPartly(InventoryService, {
    reserveStock: (request, context) => {
      seen.push(request.orderId);
      return reserve(request, context);
    },
    ...(batches && {
      batchReserveStock: (request, context) => {
        seen.push(request.requests.map(({ orderId }) => orderId).join("+"));
        return batch(request, context) as never;
      },
    }),
  });
  const transport = connectInMemory({ entries: [entry] }, environment);
  const client = createServiceClient(InventoryService, transport, {
    environment,
    batchSchedule: (callback) => environment.clock.after(0, callback),
  });
  const call = (orderId: string, options: Parameters<typeof client.reserveStock>[1] = {}) =>
    client.reserveStock({ orderId, items }, options);
  return { environment, clock: environment.clock, seen, call };
}

async function answer({ orderId }: ReserveStockRequest) {
  return { reservation: { orderId } };
}

describe("calls of a method with a batch method", () => {
  it("are sent alone if they are alone, and batched if concurrent, each with its own response", async () => {
    const { clock, seen, call } = world();
    const alone = call("a");
    await clock.advance(0);
    expect((await alone).reservation?.orderId).toBe("a");
    const together = Promise.all(["b", "c", "d"].map((id) => call(id)));
    await clock.advance(0);
    expect((await together).map(({ reservation }) => reservation?.orderId)).toEqual(["b", "c", "d"]);
    expect(seen).toEqual(["a", "b+c+d"]);
  });

  it("fail each by itself, with code, message, reason and details", async () => {
    const { clock, call } = world(async ({ orderId }) => {
      if (orderId === "bad") {
        throw reasonError(Code.FailedPrecondition, {
          reason: "INSUFFICIENT_STOCK",
          message: "none left",
          metadata: { available: "0" },
        });
      }
      return answer({ orderId } as ReserveStockRequest);
    });
    const failed = rejection(call("bad"));
    const good = call("good");
    await clock.advance(0);
    expect((await good).reservation?.orderId).toBe("good");
    const error = await failed;
    expect([error.code, error.rawMessage]).toEqual([Code.FailedPrecondition, "none left"]);
    expect(reasonOf(error)).toEqual({ reason: "INSUFFICIENT_STOCK", metadata: { available: "0" } });
    expect(neverSent(error)).toBe(false);
  });

  it("that break a rule of the contract fail alone, without affecting the others", async () => {
    const { clock, seen, call } = world();
    const failed = rejection(call(""));
    const good = call("good");
    await clock.advance(0);
    expect((await failed).code).toBe(Code.InvalidArgument);
    expect((await good).reservation?.orderId).toBe("good");
    expect(seen).toEqual(["good"]);
  });

  it("hide unmapped errors of the implementation", async () => {
    const { clock, environment, call } = world(async () => {
      throw new Error("secret");
    });
    const failed = Promise.all([rejection(call("a")), rejection(call("b"))]);
    await clock.advance(0);
    for (const error of await failed) {
      expect(error.code).toBe(Code.Internal);
      expect(error.rawMessage).toMatch(/^Internal error\. Report it with the request id [\w-]+\.$/);
    }
    expect(environment.lines.filter(({ msg }) => msg === "internal error")).toHaveLength(2);
  });

  it("accumulate while enough batches are in flight, and are sent when one of these ends", async () => {
    const ends: (() => void)[] = [];
    const { clock, seen, call } = world(
      (request) => new Promise((resolve) => ends.push(() => resolve(answer(request)))),
    );
    const calls: Promise<unknown>[] = [];
    for (let batch = 0; batch < batchesUnderWay; batch++) {
      calls.push(call(`first ${batch}`));
      await clock.advance(0);
    }
    calls.push(call("x"));
    await clock.advance(1);
    calls.push(call("y"));
    await clock.advance(1);
    expect(seen).toHaveLength(batchesUnderWay);
    ends[0]?.();
    await clock.advance(0);
    expect(seen.at(-1)).toBe("x+y");
    for (const end of ends) end();
    await Promise.all(calls);
  });

  it("wait for no more than a few milliseconds, whatever the state of those in flight", async () => {
    const { clock, seen, call } = world(() => new Promise(() => {}));
    const ids = Array.from({ length: batchesUnderWay + 1 }, (_, index) => String(index));
    for (const id of ids) {
      call(id).catch(() => {});
      await clock.advance(0);
    }
    expect(seen).toEqual(ids.slice(0, -1));
    await clock.advance(gatherMsMax);
    expect(seen).toEqual(ids);
  });

  it("are split if they are too many", async () => {
    const { clock, seen, call } = world();
    const calls = Promise.all(Array.from({ length: batchSizeMax + 2 }, (_, index) => call(String(index))));
    await clock.advance(0);
    await calls;
    expect(seen.map((batch) => batch.split("+").length)).toEqual([batchSizeMax, 2]);
  });

  it("have their own deadlines, and a common one", async () => {
    const { clock, call } = world(() => new Promise(() => {}));
    const ended: string[] = [];
    for (const [id, timeoutMs] of [
      ["short", 300],
      ["long", 1_000],
      ["longest", 60_000],
    ] as const) {
      rejection(call(id, { timeoutMs })).then(({ code }) => ended.push(`${id} ${Code[code]}`));
    }
    await clock.advance(299);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toEqual(["short DeadlineExceeded"]);
    await clock.advance(700);
    expect(ended).toEqual(["short DeadlineExceeded", "long DeadlineExceeded"]);
    // The contract's own limit.
    await clock.advance(1_000);
    expect(ended).toHaveLength(3);
  });

  it("are sent alone to a server without batch methods, which gets batches again later", async () => {
    const { environment, clock, seen, call } = world(answer, { batches: false });
    const both = async () => {
      const calls = Promise.all([call("a"), call("b")]);
      await clock.advance(0);
      await calls;
    };
    await both();
    await both();
    expect(seen).toEqual(["a", "b", "a", "b"]);
    expect(await unimplementedCount()).toBe(1);
    await clock.advance(60_000);
    await both();
    expect(await unimplementedCount()).toBe(2);

    async function unimplementedCount() {
      const metrics = await environment.metrics.metrics();
      return Number(
        /grpc_server_call_duration_seconds_count\{.*BatchReserveStock.*UNIMPLEMENTED"\} (\d+)/.exec(metrics)?.[1],
      );
    }
  });

  it("carry request id and trace of their own calls", async () => {
    const contexts: unknown[] = [];
    const { clock, call } = world(async (request, { values }) => {
      const { requestId, traceparent } = values.get(callContextKey) ?? {};
      contexts.push([request.orderId, requestId, traceparent?.slice(0, 36)]);
      return answer(request);
    });
    const on = (requestId: string, digit: string) => ({
      contextValues: createContextValues().set(callContextKey, {
        requestId,
        traceparent: `00-${digit.repeat(32)}-00f067aa0ba902b7-01`,
      }),
    });
    const calls = Promise.all([call("a", on("r-1", "1")), call("b", on("r-2", "2"))]);
    await clock.advance(0);
    await calls;
    expect(contexts).toEqual([
      ["a", "r-1", `00-${"1".repeat(32)}-`],
      ["b", "r-2", `00-${"2".repeat(32)}-`],
    ]);
  });

  it("with origins that no header could have use the batch's own request id and trace", async () => {
    const seen: unknown[] = [];
    const { clock, call } = world(async (request, { values }) => {
      const { requestId, traceparent } = values.get(callContextKey) ?? {};
      seen.push([requestId, traceparent?.includes("x")]);
      return answer(request);
    });
    const contextValues = createContextValues().set(callContextKey, {
      requestId: "two\nlines",
      traceparent: `00-${"1".repeat(32)}-00f067aa0ba902b7-01-${"x".repeat(1_000)}`,
    });
    const calls = Promise.all([call("a", { contextValues }), call("b", { contextValues })]);
    await clock.advance(0);
    await calls;
    expect(seen).toEqual([
      [expect.stringMatching(/^id-\d+$/), false],
      [expect.stringMatching(/^id-\d+$/), false],
    ]);
  });

  it("with their own metadata or signal are sent alone", async () => {
    const { clock, seen, call } = world();
    const own = new AbortController();
    const calls = Promise.all([
      call("header", { headers: { "x-own": "1" } }),
      call("signal", { signal: own.signal }),
      call("a"),
      call("b"),
    ]);
    await clock.advance(gatherMsMax);
    await calls;
    expect(seen).toEqual(["header", "signal", "a+b"]);
  });

  it("that the server never received are marked unsent, each with its own error", async () => {
    const environment = standingEnvironment();
    const gone = {
      unary: () => Promise.reject(markDeliveryStatus(new ConnectError("refused", Code.Unavailable), "unreachable")),
    };
    const client = createServiceClient(InventoryService, gone as never, {
      environment,
      batchSchedule: (callback) => environment.clock.after(0, callback),
    });
    const failed = Promise.all(["a", "b"].map((orderId) => rejection(client.reserveStock({ orderId, items }))));
    await environment.clock.advance(2_000);
    const [first, second] = await failed;
    expect([first?.code, neverSent(first), neverSent(second)]).toEqual([Code.Unavailable, true, true]);
    expect(first).not.toBe(second);
  });

  it("that are UNAVAILABLE inside a batch are retried alone, after a retry's wait", async () => {
    let failures = 1;
    const { clock, seen, call } = world(async (request) => {
      if (request.orderId === "b" && failures-- > 0) {
        throw new ConnectError("locked", Code.Unavailable);
      }
      return answer(request);
    });
    const [first, second] = [call("a"), call("b")];
    await clock.advance(0);
    expect((await first).reservation?.orderId).toBe("a");
    expect(seen).toEqual(["a+b"]);
    await clock.advance(backoffMs);
    expect((await second).reservation?.orderId).toBe("b");
    expect(seen).toEqual(["a+b", "b"]);
  });

  it("are not retried past their deadline", async () => {
    const { clock, seen, call } = world(async () => {
      throw new ConnectError("locked", Code.Unavailable);
    });
    const failed = Promise.all(["a", "b"].map((id) => rejection(call(id, { timeoutMs: backoffMs }))));
    await clock.advance(0);
    expect((await failed).map(({ code }) => code)).toEqual([Code.Unavailable, Code.Unavailable]);
    expect(seen).toEqual(["a+b"]);
  });

  it.each([
    ["returns UNAVAILABLE", [() => locked()]],
    [
      "loses its connection, and is then refused as a whole",
      [() => fails(Code.Unavailable, "lost"), () => fails(Code.Unimplemented, "answered")],
    ],
  ] as const)("may have been processed if their batch %s, and are never sent again", async (_, outcomes) => {
    const environment = standingEnvironment();
    const left = [...outcomes];
    const transport = {
      unary: ({ name }: DescMethod) =>
        (name === "BatchReserveStock" ? left.shift() : undefined)?.() ?? fails(Code.Unavailable, "unreachable"),
    };
    const client = createServiceClient(InventoryService, transport as never, {
      environment,
      batchSchedule: (callback) => environment.clock.after(0, callback),
    });
    const failed = Promise.all(["a", "b"].map((orderId) => rejection(client.reserveStock({ orderId, items }))));
    await environment.clock.advance(2_000);
    expect((await failed).map((error) => [error.code, neverSent(error)])).toEqual([
      [Code.Unavailable, false],
      [Code.Unavailable, false],
    ]);
    expect(left).toEqual([]);
  });
});

function fails(code: Code, deliveryStatus: DeliveryStatus): Promise<never> {
  return Promise.reject(markDeliveryStatus(new ConnectError("failed", code), deliveryStatus));
}

/** The response to a batch of two from a service whose database is locked. */
function locked(): Promise<object> {
  const result = { case: "error", value: statusOfError(new ConnectError("locked", Code.Unavailable)) };
  return Promise.resolve({ message: { results: [{ result }, { result }] } });
}
