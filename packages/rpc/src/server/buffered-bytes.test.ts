import { connect as http2Connect } from "node:http2";
import { connect as netConnect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

// On a busy machine. Each step has a limit of its own.
vi.setConfig({ testTimeout: 120_000 });

const joinPath = "/test.v1.StreamService/Join";
const path = "/test.v1.StreamService/Say";
const megabyte = 1024 * 1024;
const limits = {
  // On a slow machine no call ends at its deadline before a budget ends it.
  unaryTimeoutMs: 120_000,
  bufferedRequestBytesMax: 8 * megabyte,
  bufferedRequestBytesPerConnectionMax: 8 * megabyte,
  bufferedResponseBytesMax: 8 * megabyte,
  bufferedResponseBytesPerConnectionMax: 8 * megabyte,
};
const opened: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

/** A server with small budgets. Its method returns as many bytes as the request asks for. */
async function open(): Promise<EchoServer> {
  const echo = await serveEcho({
    config: { limits },
    entries: [
      implement(StreamService, {
        say: ({ message }: { message: string }) => ({ message: "x".repeat(Number(message)) }),
        async *repeat() {},
        async *chat() {},
        async join(messages: AsyncIterable<unknown>) {
          let count = 0;
          for await (const _message of messages) {
            count++;
          }
          return { message: String(count) };
        },
      } as never),
    ],
  });
  opened.push({ close: () => echo.server.close().catch(() => {}) });
  return echo;
}

async function metric({ environment }: EchoServer, name: string, labels = ""): Promise<number> {
  const text = await environment.metrics.metrics();
  const line = text.split("\n").find((each) => each.startsWith(`${name}${labels} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}

const heldRequests = (server: EchoServer) => metric(server, "parley_server_buffered_request_bytes");
const heldAnswers = (server: EchoServer) => metric(server, "parley_server_buffered_response_bytes");

/** A well-behaved client on its own connection. */
async function good(url: string, message = "161"): Promise<number> {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message }),
  });
  return (await response.text()).length;
}

function session(url: string, options = {}) {
  const made = http2Connect(url, options);
  made.on("error", () => {});
  opened.push({ close: () => made.destroy() });
  return made;
}

function raw(port: number): Socket {
  const socket = netConnect(port, "127.0.0.1");
  socket.on("error", () => {});
  opened.push({ close: () => socket.destroy() });
  return socket;
}

const contentTypes = ["application/json", "application/proto", "application/grpc", "application/grpc-web+proto"];

describe("incomplete request bodies", () => {
  it.each(contentTypes)("stay within the budget over HTTP/2, and calls of others succeed: %s", async (type) => {
    const server = await open();
    let refused = 0;
    for (let connections = 0; connections < 3; connections++) {
      const attacker = session(server.url);
      for (let streams = 0; streams < 100; streams++) {
        const stream = attacker.request({ ":method": "POST", ":path": path, "content-type": type });
        stream.on("error", () => {});
        stream.on("close", () => refused++);
        stream.write(Buffer.alloc(300_000));
      }
    }
    await expect.poll(() => refused, { timeout: 60_000 }).toBeGreaterThan(100);
    expect(await heldRequests(server)).toBeLessThanOrEqual(limits.bufferedRequestBytesMax);
    expect(await heldRequests(server)).toBeGreaterThan(0);
    expect(await metric(server, "parley_server_buffer_refusals_total", '{direction="request"}')).toBeGreaterThan(0);
    expect(await good(server.url)).toBeGreaterThan(161);
    for (const { close } of opened.splice(1)) {
      close();
    }
    await expect.poll(() => heldRequests(server), { timeout: 20_000 }).toBe(0);
  });

  it("stay within the budget over HTTP/1.1", async () => {
    const server = await open();
    const sockets = Array.from({ length: 30 }, () => raw(server.server.port));
    let ended = 0;
    for (const socket of sockets) {
      socket.setEncoding("latin1").on("data", (text: string) => {
        ended += /^HTTP\/1\.1 429 /.test(text) ? 1 : 0;
      });
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n`,
      );
      socket.write(Buffer.alloc(megabyte, 0x20));
    }
    await expect.poll(() => ended, { timeout: 60_000 }).toBeGreaterThan(15);
    expect(await heldRequests(server)).toBeLessThanOrEqual(limits.bufferedRequestBytesMax);
    expect(await good(server.url)).toBeGreaterThan(161);
    for (const { close } of opened.splice(1)) {
      close();
    }
    await expect.poll(() => heldRequests(server), { timeout: 20_000 }).toBe(0);
  });

  it("that are refused over HTTP/1.1 get their response while they are being sent, and their connection closes", async () => {
    const server = await open();
    const sockets = Array.from({ length: 12 }, () => raw(server.server.port));
    const received = sockets.map(() => "");
    const sent = sockets.map(() => 0);
    const piece = Buffer.alloc(65_536, 0x20);
    for (const [index, socket] of sockets.entries()) {
      socket.setEncoding("latin1").on("data", (text: string) => {
        received[index] += text;
      });
      const length = 4_000_000;
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
      );
      const send = () => {
        while (!socket.destroyed && (sent[index] as number) + piece.length < length) {
          sent[index] = (sent[index] as number) + piece.length;
          if (!socket.write(piece)) {
            socket.once("drain", send);
            return;
          }
        }
      };
      send();
    }
    const isRefused = (index: number) => received[index]?.startsWith("HTTP/1.1 429 ") === true;
    const refused = () => [...sockets.keys()].filter(isRefused);
    await expect.poll(() => refused().length, { timeout: 60_000 }).toBeGreaterThan(8);
    for (const index of refused()) {
      expect(received[index]).toMatch(/^connection: close\r$/im);
      expect(received[index]).toContain("BUFFERED_REQUEST_BYTES_MAX=8388608");
    }
    await expect.poll(() => refused().every((index) => sockets[index]?.destroyed), { timeout: 20_000 }).toBe(true);
    expect(await good(server.url)).toBeGreaterThan(161);
  });

  it("include incomplete messages of streams", async () => {
    const server = await open();
    let ended = 0;
    const answers = { http1: "", http2: "" };
    const head = Buffer.from([0, 0, 0x3d, 0x09, 0]);
    const h1 = `POST ${joinPath} HTTP/1.1\r\nhost: a\r\ncontent-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n`;
    for (let connections = 0; connections < 20; connections++) {
      const attacker = session(server.url);
      for (let streams = 0; streams < 4; streams++) {
        const stream = attacker.request({ ":method": "POST", ":path": joinPath, "content-type": "application/grpc" });
        stream.on("error", () => {});
        stream.on("close", () => ended++);
        stream.on("response", (headers) => {
          answers.http2 += headers["grpc-message"];
        });
        stream.write(Buffer.concat([head, Buffer.alloc(500_000)]));
      }
      const socket = raw(server.server.port);
      socket.setEncoding("latin1").on("data", (text: string) => {
        ended += /^HTTP\/1\.1 /.test(text) ? 1 : 0;
        answers.http1 += text;
      });
      socket.write(Buffer.concat([Buffer.from(`${h1}${(500_005).toString(16)}\r\n`), head, Buffer.alloc(500_000)]));
    }
    await expect.poll(() => ended, { timeout: 60_000 }).toBeGreaterThan(60);
    // The errors name the setting and its value over both HTTP versions.
    const words = /BUFFERED_REQUEST_BYTES_MAX=8388608/;
    expect([words.test(answers.http1), words.test(answers.http2)]).toEqual([true, true]);
    expect(await heldRequests(server)).toBeLessThanOrEqual(limits.bufferedRequestBytesMax);
    expect(await good(server.url)).toBeGreaterThan(161);
    for (const { close } of opened.splice(1)) {
      close();
    }
    await expect.poll(() => heldRequests(server), { timeout: 20_000 }).toBe(0);
  });

  it.each(["1.1", "2"] as const)("exclude complete messages of a stream over HTTP/%s", async (httpVersion) => {
    const server = await open();
    const transport = createConnectTransport({ baseUrl: server.url, httpVersion });
    const join = createClient(StreamService, transport).join as unknown as (
      messages: AsyncIterable<{ message: string }>,
    ) => Promise<{ message: string }>;
    // Twenty megabytes in total, with a budget of eight.
    const sent = async function* () {
      for (let count = 0; count < 5_000; count++) {
        yield { message: "x".repeat(4_000) };
      }
    };
    expect((await join(sent())).message).toBe("5000");
    expect(await heldRequests(server)).toBe(0);
  });

  it("all complete if a client only sends many large ones", async () => {
    const server = await open();
    const client = session(server.url);
    // Twelve megabytes at once on one connection with a budget of eight.
    const answers = Array.from(
      { length: 12 },
      () =>
        new Promise<number>((resolve) => {
          const stream = client.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
          stream.on("response", (headers) => resolve(Number(headers[":status"])));
          stream.on("error", () => resolve(0));
          stream.resume();
          stream.end(`{"message":"1"${" ".repeat(megabyte)}}`);
        }),
    );
    expect(await Promise.all(answers)).toEqual(new Array(12).fill(200));
    expect(await heldRequests(server)).toBe(0);
  });
});

describe("unread responses", () => {
  it.each(contentTypes.slice(0, 1))(
    "stay within the budget over HTTP/2, and calls of others succeed: %s",
    async (type) => {
      const server = await open();
      let ended = 0;
      for (let connections = 0; connections < 4; connections++) {
        const attacker = session(server.url, { settings: { initialWindowSize: 0 } });
        await new Promise((resolve) => attacker.once("remoteSettings", resolve));
        for (let streams = 0; streams < 100; streams++) {
          const stream = attacker.request({ ":method": "POST", ":path": path, "content-type": type });
          stream.on("error", () => {});
          stream.on("close", () => ended++);
          stream.end('{"message":"100000"}');
        }
      }
      await expect.poll(() => ended, { timeout: 60_000 }).toBeGreaterThan(300);
      expect(await heldAnswers(server)).toBeLessThanOrEqual(limits.bufferedResponseBytesMax);
      expect(await metric(server, "parley_server_buffer_refusals_total", '{direction="response"}')).toBeGreaterThan(0);
      expect(await good(server.url, "3000000")).toBeGreaterThan(3_000_000);
      for (const { close } of opened.splice(1)) {
        close();
      }
      await expect.poll(() => heldAnswers(server)).toBe(0);
    },
  );

  it("stay within the budget over HTTP/1.1 with pipelining", async () => {
    const server = await open();
    // More than the kernel's socket buffers.
    const body = '{"message":"3900000"}';
    const request = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const sockets = Array.from({ length: 10 }, () => raw(server.server.port).pause());
    for (const socket of sockets) {
      socket.write(request.repeat(60));
    }
    const closed = () => metric(server, "parley_server_connections_refused_total", '{limit="buffered_response_bytes"}');
    await expect.poll(closed, { timeout: 60_000 }).toBeGreaterThan(5);
    expect(await heldAnswers(server)).toBeLessThanOrEqual(limits.bufferedResponseBytesMax);
    expect(await good(server.url, "3000000")).toBeGreaterThan(3_000_000);
    for (const { close } of opened.splice(1)) {
      close();
    }
    await expect.poll(() => heldAnswers(server)).toBe(0);
  });

  it.each(contentTypes)("are kept in encoded form only, without the messages: %s", async (type) => {
    const messages: WeakRef<object>[] = [];
    const echo = await serveEcho({
      echo() {
        const response = { message: "x".repeat(1_000) };
        messages.push(new WeakRef(response));
        return response;
      },
    });
    opened.push({ close: () => echo.server.close().catch(() => {}) });
    const attacker = session(echo.url, { settings: { initialWindowSize: 0 } });
    await new Promise((resolve) => attacker.once("remoteSettings", resolve));
    const body = type.endsWith("json") ? '{"message":"hello"}' : "\n\u0005hello";
    const framed = type.includes("grpc")
      ? Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), Buffer.from(body)])
      : body;
    for (let calls = 0; calls < 20; calls++) {
      const stream = attacker.request({
        ":method": "POST",
        ":path": "/echo.v1.EchoService/Echo",
        "content-type": type,
      });
      stream.on("error", () => {});
      stream.end(framed);
    }
    await expect.poll(() => heldAnswers(echo), { timeout: 20_000 }).toBeGreaterThan(20_000);
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    await expect
      .poll(
        () => {
          gc();
          return messages.filter((each) => each.deref() !== undefined).length;
        },
        { timeout: 20_000 },
      )
      .toBe(0);
    expect(messages.length).toBe(20);
    expect(await heldAnswers(echo)).toBeGreaterThan(20_000);
  });

  it("are all sent if they are many and large, but the client reads them", async () => {
    const server = await open();
    const client = session(server.url);
    const lengths = Array.from(
      { length: 20 },
      () =>
        new Promise<number>((resolve) => {
          const stream = client.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
          let length = 0;
          stream.on("data", (chunk: Buffer) => {
            length += chunk.length;
          });
          stream.on("close", () => resolve(length));
          stream.end('{"message":"150000"}');
        }),
    );
    expect(new Set(await Promise.all(lengths))).toEqual(new Set([150_000 + '{"message":""}'.length]));
  });
});

describe("pipelined requests", () => {
  it("begin one after another, and get their responses in order", async () => {
    let open = 0;
    let most = 0;
    const echo = await serveEcho({
      async echo({ message }) {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 2));
        open--;
        return { message };
      },
    });
    opened.push({ close: () => echo.server.close().catch(() => {}) });
    const socket = raw(echo.server.port);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    const numbers = Array.from({ length: 30 }, (_, index) => String(index));
    const head = `POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
    socket.write(
      numbers
        .map((number) => `{"message":"${number}"}`)
        .map((body) => `${head}content-length: ${body.length}\r\n\r\n${body}`)
        .join(""),
    );
    const answers = () => [...text.matchAll(/"message":"(\d+)"/g)].map((match) => match[1]);
    await expect.poll(answers, { timeout: 60_000 }).toEqual(numbers);
    expect(most).toBe(1);
  });
});
