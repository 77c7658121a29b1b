// A watcher resumes after a disconnect from its last position, without a gap or a duplicate.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../processes/eventually.ts";
import { type PlatformPrograms, startPlatformPrograms } from "../processes/platform-programs.ts";
import type { Program } from "../processes/program.ts";

/** The time for a response on a busy machine. */
const answerMaxMs = 15_000;

let platform: PlatformPrograms;
beforeAll(async () => {
  platform = await startPlatformPrograms();
}, 60_000);
afterAll(() => platform?.dispose());

/** A message of a stream. */
interface Message {
  readonly what: string;
  readonly position: string;
}

interface WatchMethod {
  readonly service: () => Program;
  readonly watch: (afterPosition: string, signal: AbortSignal) => AsyncIterable<Message>;
  /** Makes one change, with retries. Returns what the stream will report. */
  readonly cause: () => Promise<string>;
}

let causes = 0;

async function order(): Promise<string> {
  const request = { userId: "1", items: [{ productId: "102", quantity: 1 }], requestId: randomUUID() };
  const { order } = await retried(() => platform.orders.createOrder(request));
  return order?.id ?? "";
}

const methods: Readonly<Record<string, WatchMethod>> = {
  WatchOrders: {
    service: () => platform.order,
    async *watch(afterPosition, signal) {
      for await (const { order, position } of platform.orders.watchOrders({ afterPosition }, { signal })) {
        yield { what: order?.id ?? "", position };
      }
    },
    cause: order,
  },
  WatchStock: {
    service: () => platform.product,
    async *watch(afterPosition, signal) {
      const request = { productIds: ["104"], afterPosition };
      for await (const { delta, position } of platform.inventory.watchStock(request, { signal })) {
        yield { what: `+${delta}`, position };
      }
    },
    async cause() {
      // A unique number of units.
      const value = ++causes;
      const request = { productId: "104", change: { case: "delta" as const, value }, requestId: randomUUID() };
      await retried(() => platform.inventory.updateStock(request));
      return `+${value}`;
    },
  },
  WatchNotifications: {
    service: () => platform.notification,
    async *watch(afterPosition, signal) {
      for await (const answer of platform.notifications.watchNotifications({ afterPosition }, { signal })) {
        yield { what: answer.notification?.orderId ?? "", position: answer.position };
      }
    },
    async cause() {
      const orderId = await order();
      // Notifications of different orders may be stored in any order: so the next order waits for this one's.
      const written = () =>
        platform.notifications.listNotifications({ orderId }).then(
          ({ notifications }) => notifications.length,
          () => 0,
        );
      await eventually(written, (count) => count > 0, answerMaxMs);
      return orderId;
    },
  },
};

/** Reads a stream message by message. */
function reading({ watch }: WatchMethod, afterPosition: string) {
  const cut = new AbortController();
  const answers = watch(afterPosition, cut.signal)[Symbol.asyncIterator]();
  async function next(): Promise<Message> {
    const timer = setTimeout(() => cut.abort(new Error(`no message within ${answerMaxMs} ms`)), answerMaxMs);
    try {
      const { value, done } = await answers.next();
      if (done === true) throw new Error("the stream ended");
      return value;
    } finally {
      clearTimeout(timer);
    }
  }
  return { next, cut: () => cut.abort() };
}

/** A stream without a position starts when its first message arrives: so changes are made until then. */
async function firstPosition(method: WatchMethod) {
  const stream = reading(method, "");
  let message: Message | undefined;
  const first = stream.next().then((answer) => {
    message = answer;
  });
  const caused: string[] = [];
  while (message === undefined && caused.length < 100) {
    caused.push(await method.cause());
    await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  await first;
  if (message === undefined) throw new Error("the stream has sent no message");
  // The changes after the first message are still to be streamed.
  let position = message.position;
  for (const what of caused.slice(caused.indexOf(message.what) + 1)) {
    const answer = await stream.next();
    expect(answer.what).toBe(what);
    position = answer.position;
  }
  return { stream, position };
}

describe.each(Object.keys(methods))("%s", (name) => {
  const method = methods[name] as WatchMethod;

  it("resumes after a disconnect, and after its service was killed", async () => {
    const { stream, position } = await firstPosition(method);
    stream.cut();

    const whileAway = [await method.cause(), await method.cause(), await method.cause()];
    const second = reading(method, position);
    let last = position;
    for (const what of whileAway) {
      const answer = await second.next();
      expect(answer.what).toBe(what);
      last = answer.position;
    }
    const live = await method.cause();
    const liveAnswer = await second.next();
    expect(liveAnswer.what).toBe(live);
    last = liveAnswer.position;

    const broken = second.next();
    broken.catch(() => undefined);
    await method.service().kill();
    await expect(broken).rejects.toThrow();
    await method.service().start();

    const afterwards = [await method.cause(), await method.cause()];
    const third = reading(method, last);
    for (const what of afterwards) expect((await third.next()).what).toBe(what);
    third.cut();

    // An older position replays the same messages, in the same order.
    const again = reading(method, position);
    for (const what of [...whileAway, live, ...afterwards]) expect((await again.next()).what).toBe(what);
    again.cut();
  }, 60_000);

  it("refuses a position that it did not issue", async () => {
    await expect(reading(method, "nonsense").next()).rejects.toThrow(/position/);
  });
});

/** Retries until it succeeds: a circuit breaker may be open, and a busy machine may exceed a deadline. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + answerMaxMs;
  while (true) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
