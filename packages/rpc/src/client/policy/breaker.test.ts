import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { OrderService } from "@parley/gen/order/v1/order_service_pb.js";
import { UserService } from "@parley/gen/user/v1/user_service_pb.js";
import { describe, expect, it } from "vitest";
import { reasonError, reasonOf } from "../../call/reason-error.ts";
import { sleep } from "../../environment/clock.ts";
import { markDeliveryStatus, neverSent } from "../call/attempt-outcome.ts";
import { rejection, type Step, scriptedTransport, standingEnvironment, unavailable } from "../client-fixture.ts";
import { createServiceClient } from "../service-client.ts";

/** CancelOrder may take 5 s; Login is attempted once. */
function setUp(steps: readonly Step[]) {
  const environment = standingEnvironment();
  const { transport, seen } = scriptedTransport(environment.clock, steps);
  const client = createServiceClient(UserService, transport, { environment, targetName: "http://user:1" });
  const call = async (advanceMs = 0) => {
    const outcome = client.login({}).then(
      () => undefined,
      (error) => ConnectError.from(error),
    );
    await environment.clock.advance(advanceMs);
    return await outcome;
  };
  return { environment, seen, call, transport };
}

describe("the circuit breaker", () => {
  it("opens after five transport failures in a row; then calls fail at once, with the target and the remaining time", async () => {
    const { call, seen, environment } = setUp([unavailable()]);
    for (let calls = 0; calls < 5; calls++) {
      await call();
    }
    await environment.clock.advance(300);
    const error = await call();
    expect(seen.length).toBe(5);
    expect(error?.code).toBe(Code.Unavailable);
    expect(error?.rawMessage).toContain("user.v1.UserService at http://user:1");
    expect(reasonOf(error)).toEqual({
      reason: "DEPENDENCY_UNAVAILABLE",
      metadata: { service: "user.v1.UserService", target: "http://user:1" },
    });
    expect(error?.findDetails(RetryInfoSchema)[0]?.retryDelay?.nanos).toBe(700_000_000);
    expect(neverSent(error)).toBe(true);
  });

  it("lets one call probe after a second, and closes when it succeeds", async () => {
    const down = unavailable();
    const { call, seen, environment } = setUp([down, down, down, down, down, { afterMs: 10, ends: "ok" }]);
    for (let calls = 0; calls < 5; calls++) {
      await call();
    }
    await environment.clock.advance(1000);
    const probe = call(0);
    const meanwhile = await rejection(createAgain());
    expect(reasonOf(meanwhile)?.reason).toBe("DEPENDENCY_UNAVAILABLE");
    await environment.clock.advance(10);
    expect(await probe).toBeUndefined();
    expect(await call(10)).toBeUndefined();
    expect(seen.length).toBe(7);
    const states = environment.lines
      .filter((line) => line.breaker !== undefined)
      .map((line) => [line.breaker, line.level]);
    expect(states).toEqual([
      ["open", 40],
      ["closed", 30],
    ]);
    expect(await environment.metrics.metrics()).toContain('parley_client_breaker_state{grpc_target="http://user:1"} 0');

    async function createAgain() {
      const error = await call(0);
      if (error !== undefined) {
        throw error;
      }
    }
  });

  it("opens again for as long when that call fails", async () => {
    const { call, seen, environment } = setUp([unavailable()]);
    for (let calls = 0; calls < 5; calls++) {
      await call();
    }
    await environment.clock.advance(1000);
    await call();
    await call();
    expect(seen.length).toBe(6);
    await environment.clock.advance(1000);
    await call();
    expect(seen.length).toBe(7);
  });

  it("opens when half of many calls fail, although others succeed in between", async () => {
    const steps = Array.from({ length: 40 }, (_, index): Step => (index % 2 === 0 ? "ok" : unavailable()));
    const { call, seen } = setUp(steps);
    for (let calls = 0; calls < 40; calls++) {
      await call();
    }
    expect(seen.length).toBe(20);
  });

  it("drops old failures", async () => {
    const { call, seen, environment } = setUp([
      ...Array.from({ length: 30 }, (_, index): Step => (index % 2 ? "ok" : unavailable())),
    ]);
    for (let calls = 0; calls < 30; calls++) {
      await call();
      await environment.clock.advance(1000);
    }
    expect(seen.length).toBe(30);
  });

  for (const [what, error] of [
    ["a response with any other code", new ConnectError("no", Code.Internal)],
    [
      "an UNAVAILABLE with the service's own reason",
      reasonError(Code.Unavailable, { reason: "BROKER_DOWN", message: "x" }),
    ],
  ] as const) {
    it(`stays closed at ${what}`, async () => {
      const { call, seen } = setUp([error]);
      for (let calls = 0; calls < 30; calls++) {
        await call();
      }
      expect(seen.length).toBe(30);
    });
  }

  it("counts our own deadlines, but not short ones of callers", async () => {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, ["never"]);
    const client = createServiceClient(OrderService, transport, { environment });
    const call = async (timeoutMs: number) => {
      const failed = rejection(client.cancelOrder({}, { timeoutMs }));
      await environment.clock.advance(timeoutMs);
      return (await failed).code;
    };
    for (let calls = 0; calls < 10; calls++) {
      expect(await call(100)).toBe(Code.DeadlineExceeded);
    }
    for (let calls = 0; calls < 5; calls++) {
      expect(await call(4000)).toBe(Code.DeadlineExceeded);
    }
    expect(await call(4000)).toBe(Code.Unavailable);
    expect(seen.length).toBe(15);
  });

  it("counts the deadline of the incoming call, but not its cancellation", async () => {
    const environment = standingEnvironment();
    const { transport, seen } = scriptedTransport(environment.clock, ["never"]);
    const client = createServiceClient(OrderService, transport, { environment });
    const call = async (reason: unknown, waitedMs = 4_000) => {
      const caller = new AbortController();
      const failed = rejection(client.cancelOrder({}, { signal: caller.signal }));
      await environment.clock.advance(waitedMs);
      caller.abort(reason);
      return (await failed).code;
    };
    for (let calls = 0; calls < 10; calls++) {
      expect(await call(new ConnectError("the caller cancelled", Code.Canceled))).toBe(Code.Canceled);
    }
    const outOfTime = new ConnectError("out of time", Code.DeadlineExceeded);
    for (let calls = 0; calls < 10; calls++) {
      expect(await call(outOfTime, 5)).toBe(Code.DeadlineExceeded);
    }
    for (let calls = 0; calls < 5; calls++) {
      expect(await call(outOfTime)).toBe(Code.DeadlineExceeded);
    }
    expect(await call(undefined)).toBe(Code.Unavailable);
    expect(seen.length).toBe(25);
  });

  it.each([5, 900, 5_000])("does not count streams whose caller gave them %i ms to begin", async (timeoutMs) => {
    const environment = standingEnvironment();
    let opened = 0;
    const silent = Object.assign({}, scriptedTransport(environment.clock, []).transport, {
      stream(_method: unknown, signal: AbortSignal) {
        opened++;
        return new Promise<never>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      },
    });
    const client = createServiceClient(OrderService, silent as unknown as Transport, { environment });
    for (let streams = 0; streams < 30; streams++) {
      const begun = client.watchOrders({}, { timeoutMs })[Symbol.asyncIterator]().next();
      const failed = rejection(begun);
      await environment.clock.advance(timeoutMs);
      expect((await failed).code).toBe(Code.DeadlineExceeded);
    }
    expect(opened).toBe(30);
  });

  it("counts a lost connection once, however many calls it carried, and refusals not at all", async () => {
    const environment = standingEnvironment();
    let error = () => markDeliveryStatus(unavailable(), "lost");
    const { transport, seen } = scriptedTransport(environment.clock, ["never"]);
    const failing = Object.assign({}, transport, {
      unary: (...args: Parameters<typeof transport.unary>) => {
        void transport.unary(...args);
        return sleep(environment.clock, 10).then(() => Promise.reject(error()));
      },
    });
    const client = createServiceClient(UserService, failing, { environment });
    const callMany = async (calls: number) => {
      const failed = Promise.all(Array.from({ length: calls }, () => rejection(client.login({}))));
      await environment.clock.advance(100);
      await failed;
    };
    await callMany(15);
    error = () => markDeliveryStatus(unavailable(), "refused");
    await callMany(50);
    expect(environment.lines.filter((line) => line.breaker !== undefined)).toEqual([]);
    error = () => markDeliveryStatus(unavailable(), "lost");
    for (let breaks = 0; breaks < 4; breaks++) {
      await callMany(1);
    }
    expect(environment.lines.filter((line) => line.breaker !== undefined).length).toBe(1);
    expect(seen.length).toBeGreaterThan(65);
  });

  it("of a target that stays down is logged once a minute, with how often it opened, and once more when it closes", async () => {
    const steps: Step[] = [unavailable()];
    const { call, environment } = setUp(steps);
    for (let second = 0; second < 300; second++) {
      for (let calls = 0; calls < 6; calls++) {
        await call();
      }
      await environment.clock.advance(1000);
    }
    steps[0] = "ok";
    expect(await call()).toBeUndefined();
    const lines = environment.lines.filter((line) => line.breaker !== undefined);
    expect(lines.length).toBeLessThanOrEqual(6);
    expect(lines.map(({ breaker }) => breaker)).toEqual([...lines.slice(1).map(() => "open"), "closed"]);
    expect(lines[1]?.openings).toBeGreaterThan(50);
  });

  it("is shared by all clients of a target", async () => {
    const { call, transport, environment, seen } = setUp([unavailable()]);
    for (let calls = 0; calls < 5; calls++) {
      await call();
    }
    const other = createServiceClient(OrderService, transport, { environment });
    const error = await rejection(other.cancelOrder({}));
    expect(reasonOf(error)?.metadata.service).toBe("order.v1.OrderService");
    expect(seen.length).toBe(5);
  });

  it("a probe whose caller cancels does not block others", async () => {
    const down = unavailable();
    const { call, environment, seen, transport } = setUp([down, down, down, down, down, "never", "ok"]);
    for (let calls = 0; calls < 5; calls++) {
      await call();
    }
    await environment.clock.advance(1000);
    const controller = new AbortController();
    const probe = rejection(
      createServiceClient(UserService, transport, { environment }).login({}, { signal: controller.signal }),
    );
    await environment.clock.settle();
    controller.abort();
    expect((await probe).code).toBe(Code.Canceled);
    expect(await call()).toBeUndefined();
    expect(seen.length).toBe(7);
  });
});
