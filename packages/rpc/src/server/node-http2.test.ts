// Clients and servers behave the same over this runtime's HTTP/2 and over node:http2, and in each combination of both.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setTimeout as wait } from "node:timers/promises";
import { type CallOptions, Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import type { EchoRequest } from "@parley/gen/echo/v1/echo_service_pb.js";
import type { Http2Implementation } from "@parley/http2";
import { afterEach, describe, expect, it } from "vitest";
import { testEnvironment } from "../client/client-fixture.ts";
import { ConnectionPool } from "../client/connection/connection-pool.ts";
import { createServiceTransport } from "../client/service-client.ts";
import type { ServerConfig } from "./config/server-config.ts";
import { StreamService, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

const pairs = [
  { server: "node", client: "node" },
  { server: "node", client: "own" },
  { server: "own", client: "node" },
] as const satisfies readonly { readonly server: Http2Implementation; readonly client: Http2Implementation }[];

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) {
    await close();
  }
});

interface Methods {
  say?(request: EchoRequest, context: HandlerContext): Promise<{ message: string }>;
  repeat?(request: EchoRequest, context: HandlerContext): AsyncIterable<{ message: string }>;
  join?(requests: AsyncIterable<EchoRequest>, context: HandlerContext): Promise<{ message: string }>;
  chat?(requests: AsyncIterable<EchoRequest>, context: HandlerContext): AsyncIterable<{ message: string }>;
}

describe.each(pairs)("a server over $server HTTP/2 and a client over $client HTTP/2", (pair) => {
  async function start({ say = async ({ message }) => ({ message }), ...methods }: Methods, config: ServerConfig = {}) {
    const { server, url } = await serveEcho({
      entries: [implement(StreamService, { say, ...methods } as never)],
      config: { shutdownGraceMs: 0, http2: pair.server, ...config },
    });
    const environment = testEnvironment();
    const pool = new ConnectionPool(environment);
    closing.push(
      () => server.close().catch(() => {}),
      () => pool.close(),
    );
    const transport = createServiceTransport(url, { environment: { ...environment, http2: pair.client }, pool });
    const streams = createClient(StreamService, transport) as unknown as {
      say(request: object, options?: CallOptions): Promise<{ message: string }>;
      repeat(request: object, options?: object): AsyncIterable<{ message: string }>;
      join(requests: AsyncIterable<object>, options?: object): Promise<{ message: string }>;
      chat(requests: AsyncIterable<object>, options?: object): AsyncIterable<{ message: string }>;
    };
    return { server, streams };
  }

  it("use the configured implementations", async () => {
    const used = { server: 0, client: 0 };
    const onServer = () => used.server++;
    const onClient = () => used.client++;
    subscribe("http2.server.stream.created", onServer);
    subscribe("http2.client.stream.created", onClient);
    try {
      const { streams } = await start({});
      expect((await streams.say({ message: "which" })).message).toBe("which");
    } finally {
      unsubscribe("http2.server.stream.created", onServer);
      unsubscribe("http2.client.stream.created", onClient);
    }
    expect(used).toEqual({ server: pair.server === "node" ? 1 : 0, client: pair.client === "node" ? 1 : 0 });
  });

  it("carry metadata both ways: several values, binary, and empty", async () => {
    const seen: (string | null)[] = [];
    const { streams } = await start({
      async say({ message }, { requestHeader, responseHeader, responseTrailer }) {
        seen.push(requestHeader.get("x-several"), requestHeader.get("x-bytes-bin"), requestHeader.get("x-empty"));
        responseHeader.append("x-several", "a");
        responseHeader.append("x-several", "b");
        responseTrailer.set("x-bytes-bin", "AAH/");
        return { message };
      },
    });
    const answered: (string | null)[] = [];
    await streams.say(
      { message: "hi" },
      {
        headers: [
          ["x-several", "1"],
          ["x-several", "2"],
          ["x-bytes-bin", "/wEA"],
          ["x-empty", ""],
        ],
        onHeader: (header) => void answered.push(header.get("x-several")),
        onTrailer: (trailer) => void answered.push(trailer.get("x-bytes-bin")),
      },
    );
    expect(seen).toEqual(["1, 2", "/wEA", ""]);
    expect(answered).toEqual(["a, b", "AAH/"]);
  });

  it("carry errors of unary calls and of streams", async () => {
    const refuse = () => new ConnectError("not you — é", Code.PermissionDenied, { "x-why": "no" });
    const { streams } = await start({
      async say() {
        throw refuse();
      },
      async *repeat() {
        yield { message: "first" };
        throw refuse();
      },
    });
    const failures = [await failure(streams.say({})), await failure(all(streams.repeat({})))];
    for (const error of failures) {
      expect([error.code, error.rawMessage, error.metadata.get("x-why")]).toEqual([
        Code.PermissionDenied,
        "not you — é",
        "no",
      ]);
    }
  });

  it("do not mix up 30 concurrent calls with responses above the initial window", async () => {
    const { streams } = await start({ say: async ({ message }) => ({ message: message.repeat(70_000) }) });
    const messages = Array.from({ length: 30 }, (_, index) => String.fromCharCode(200 + index));
    const answers = await Promise.all(messages.map((message) => streams.say({ message })));
    expect(answers.every(({ message }, index) => message === messages[index]?.repeat(70_000))).toBe(true);
  });

  it("refuse a request that is too large, and keep the connection", async () => {
    const { streams } = await start({}, { limits: { requestBytesMax: 1_000 } });
    const error = await failure(streams.say({ message: "x".repeat(1_000_000) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect((await streams.say({ message: "small" })).message).toBe("small");
  });

  it("alternate messages on a bidirectional stream", async () => {
    const { streams } = await start({
      async *chat(requests) {
        for await (const { message } of requests) {
          yield { message: `${message}!` };
        }
      },
    });
    const answered: string[] = [];
    let wake = () => {};
    async function* ask() {
      for (let turn = 0; turn < 50; turn++) {
        yield { message: `${turn}` };
        while (answered.length <= turn) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    }
    for await (const { message } of streams.chat(ask())) {
      answered.push(message);
      wake();
    }
    expect(answered).toEqual(Array.from({ length: 50 }, (_, turn) => `${turn}!`));
  });

  it("apply backpressure if the receiver does not read, in both directions", async () => {
    const message = "x".repeat(4_096);
    const total = 2_500;
    let sent = 0;
    async function* produce() {
      for (sent = 0; sent < total; sent++) {
        yield { message };
      }
    }
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { streams } = await start({
      repeat: produce,
      async join(requests) {
        let count = 0;
        for await (const _ of requests) {
          count++;
          await released;
        }
        return { message: `${count}` };
      },
    });
    let received = 0;
    for await (const _ of streams.repeat({})) {
      if (received++ === 0) {
        expect(await settled(() => sent)).toBeLessThan(total / 2);
      }
    }
    expect([sent, received]).toEqual([total, total]);
    const joined = streams.join(produce());
    expect(await settled(() => sent)).toBeLessThan(total / 2);
    release();
    expect((await joined).message).toBe(`${total}`);
  });

  it("end a call at its deadline, and abort its handler's signal", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { streams } = await start({
      say: (_request, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            resolve();
            reject(signal.reason);
          });
        }),
    });
    // Long enough for a busy machine to begin the call.
    expect((await failure(streams.say({}, { timeoutMs: 1_000 }))).code).toBe(Code.DeadlineExceeded);
    await promise;
  });

  it("abort the handler's signal when the caller cancels a unary call or a stream", async () => {
    const aborted: string[] = [];
    const begun: string[] = [];
    const untilAborted = (name: string, signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        begun.push(name);
        signal.addEventListener("abort", () => {
          aborted.push(name);
          reject(signal.reason);
        });
      });
    const { streams } = await start({
      say: (_request, { signal }) => untilAborted("unary", signal),
      async *repeat(_request, { signal }) {
        yield { message: "one" };
        await untilAborted("stream", signal);
      },
    });
    const controller = new AbortController();
    const calls = [
      failure(streams.say({}, { signal: controller.signal })),
      failure(all(streams.repeat({}, { signal: controller.signal }))),
    ];
    await expect.poll(() => begun.length, { timeout: 15_000 }).toBe(2);
    controller.abort();
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([Code.Canceled, Code.Canceled]);
    await expect.poll(() => aborted.sort(), { timeout: 15_000 }).toEqual(["stream", "unary"]);
  });

  it("drain: open calls succeed, later ones are not sent or refused", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let begun = 0;
    const { streams, server } = await start(
      {
        async say({ message }) {
          begun++;
          await promise;
          return { message };
        },
      },
      { shutdownGraceMs: 30_000, drainNoticeMs: 0 },
    );
    const open = Array.from({ length: 10 }, (_, index) => streams.say({ message: `${index}` }));
    await expect.poll(() => begun, { timeout: 15_000 }).toBe(10);
    const closed = server.close();
    // Calls are still accepted until the port closes.
    await expect
      .poll(
        async () => {
          const error = await failure(streams.say({}, { timeoutMs: 100 }));
          return error.code;
        },
        { timeout: 15_000 },
      )
      .toBe(Code.Unavailable);
    resolve();
    expect((await Promise.all(open)).map(({ message }) => message)).toEqual(open.map((_, index) => `${index}`));
    await closed;
  });
});

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return promise.then(
    () => expect.fail("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) {
    list.push(value);
  }
  return list;
}

/** Waits until the count no longer grows. Returns it. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1, same = 0; same < 4; ) {
    await wait(25);
    same = count() === before ? same + 1 : 0;
    before = count();
  }
  return count();
}
