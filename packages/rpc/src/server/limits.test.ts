import { once } from "node:events";
import { connect as http2Connect } from "node:http2";
import { connect as netConnect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoOptions, type EchoServer, serveEcho } from "./echo-fixture.ts";

const opened: EchoServer[] = [];

async function open(options: EchoOptions = {}): Promise<EchoServer> {
  const server = await serveEcho(options);
  opened.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ server }) => server.close().catch(() => {})));
});

const path = "/echo.v1.EchoService/Echo";

function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  return fetch(url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

/** All bytes received on a connection until it closes. */
function until(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

describe("an undecodable request", () => {
  it.each([
    ['{"message": 7}', "message"],
    ['{"message": {"a": 1}}', "message"],
    ['{"message": "a', "JSON"],
    ["[]", "must be a JSON object"],
    ["", "is empty"],
  ])("is refused with the position of the mistake: %s", async (body, word) => {
    const { url } = await open();
    const response = await post(url, body);
    expect(response.status).toBe(400);
    const error = (await response.json()) as { code: string; message: string; details: { debug: object }[] };
    expect(error.code).toBe("invalid_argument");
    expect(error.message).toContain(word);
    expect(error.details[0]?.debug).toMatchObject({ reason: "INVALID_REQUEST" });
  });

  it("is not repeated in full in the error", async () => {
    const { url, calls } = await open();
    const response = await post(url, JSON.stringify({ message: [`${"x".repeat(100_000)}`] }));
    expect(response.status).toBe(400);
    expect((await response.text()).length).toBeLessThan(8_000);
    await expect.poll(() => calls()).toHaveLength(1);
    expect(JSON.stringify(calls()[0]).length).toBeLessThan(4_000);
  });

  it("is not one with fields that are unknown to the contract", async () => {
    const { url } = await open();
    const response = await post(url, '{"message":"hi","extra":1}');
    await expect(response.json()).resolves.toEqual({ message: "hi" });
  });
});

describe("compressed requests", () => {
  it("are decompressed", async () => {
    const { url } = await open();
    const response = await post(url, Uint8Array.from(gzipSync('{"message":"hi"}')), { "content-encoding": "gzip" });
    await expect(response.json()).resolves.toEqual({ message: "hi" });
    expect(response.headers.get("content-encoding")).toBeNull();
  });

  it("are limited in their decompressed size", async () => {
    const { url } = await open();
    const bomb = Uint8Array.from(gzipSync(JSON.stringify({ message: "x".repeat(5 * 1024 * 1024) })));
    expect(bomb.length).toBeLessThan(10_000);
    const response = await post(url, bomb, { "content-encoding": "gzip" });
    expect(response.status).toBe(429);
    await expect(response.json()).resolves.toMatchObject({
      code: "resource_exhausted",
      message: expect.stringContaining("4194304"),
    });
  });

  it("with an unsupported encoding are refused with the supported ones", async () => {
    const { url } = await open();
    const response = await post(url, "x", { "content-encoding": "zstd" });
    await expect(response.json()).resolves.toMatchObject({
      code: "unimplemented",
      message: expect.stringContaining("gzip"),
    });
  });
});

describe("limits", () => {
  it("refuse headers over 16 KiB on HTTP/1.1", async () => {
    const { url } = await open();
    const response = await post(url, "{}", { "x-large": "x".repeat(17_000) });
    expect(response.status).toBe(431);
    expect((await post(url, "{}")).status).toBe(200);
  });

  it("refuse headers over 16 KiB on HTTP/2, and keep the connection's other calls", async () => {
    const { url } = await open();
    const session = http2Connect(url);
    const ask = (headers: Record<string, string>) =>
      new Promise((resolve) => {
        const stream = session.request({
          ":method": "POST",
          ":path": path,
          "content-type": "application/json",
          ...headers,
        });
        stream.on("response", (response) => resolve(response[":status"]));
        stream.on("error", () => resolve("refused"));
        stream.on("close", () => resolve("refused"));
        stream.end("{}");
      });
    await expect(ask({})).resolves.toBe(200);
    await expect(ask({ "x-large": "x".repeat(17_000) })).resolves.not.toBe(200);
    session.destroy();
    expect((await post(url, "{}")).status).toBe(200);
  });

  it("close a connection that sends nothing, or never ends its headers", async () => {
    const { server } = await open({
      config: { drainNoticeMs: 0, limits: { headersTimeoutMs: 150, connectionIdleTimeoutMs: 150 } },
    });
    const silent = netConnect(server.port, "127.0.0.1");
    const slow = netConnect(server.port, "127.0.0.1");
    slow.write("POST / HTTP/1.1\r\nhost: x\r\n");
    await expect(until(silent)).resolves.toBe("");
    await expect(until(slow)).resolves.toMatch(/^(?:HTTP\/1.1 408|$)/);
  });

  it("end a call if its request body pauses for too long", async () => {
    const { server, calls } = await open({ config: { drainNoticeMs: 0, limits: { bodyIdleTimeoutMs: 100 } } });
    const socket = netConnect(server.port, "127.0.0.1");
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"mess`,
    );
    const answer = until(socket);
    await once(socket, "data");
    await expect.poll(() => calls(), { timeout: 5_000 }).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
    socket.destroy();
    await expect(answer).resolves.toContain("deadline_exceeded");
  });

  it("close a connection if its client resets too many streams", async () => {
    const { url } = await open({
      config: { drainNoticeMs: 0, limits: { streamResetBurstMax: 20, streamResetsPerSecondMax: 1 } },
      // A reset after the response does not count.
      echo: async ({ message }, { signal }) => {
        if (message === "wait") {
          await once(signal, "abort");
        }
        return { message };
      },
    });
    const session = http2Connect(url);
    const closed = new Promise<void>((resolve) => session.on("close", () => resolve()));
    session.on("error", () => {});
    // Node never sends streams that were closed before the connection was established.
    await once(session, "connect");
    for (let round = 0; round < 200 && !session.destroyed; round++) {
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
      stream.on("error", () => {});
      stream.write(Buffer.from("\0\0\0\0\x06\x0a\x04wait"));
      stream.close(8);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    expect((await post(url, "{}")).status).toBe(200);
  });

  it("close an idle HTTP/2 connection, but not one with a call", async () => {
    const { url } = await open({
      config: { drainNoticeMs: 0, limits: { connectionIdleTimeoutMs: 150 } },
      async echo() {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return { message: "patience" };
      },
    });
    const session = http2Connect(url);
    const closed = new Promise<number>((resolve) => session.on("close", () => resolve(performance.now())));
    const answered = await new Promise<number>((resolve) => {
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/json" });
      stream.on("end", () => resolve(performance.now()));
      stream.resume();
      stream.end("{}");
    });
    expect(await closed).toBeGreaterThan(answered);
  });
});

describe("paths that are not a method", () => {
  it("get 404 with a JSON error", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/order.v1.OrderService/Nothing`);
    expect(response.status).toBe(404);
    await expect(response.json()).resolves.toEqual({
      code: "unimplemented",
      message: expect.stringMatching(/^order\.v1\.OrderService is not served here\./),
      details: [expect.objectContaining({ debug: expect.objectContaining({ reason: "SERVICE_NOT_SERVED" }) })],
    });
  });

  it.each([
    ["a path that is not UTF-8", "GET", "/%ff", undefined],
    ["a path with an incomplete escape", "POST", "/%4", "{}"],
    ["a long path", "GET", `/${"a/".repeat(1_000)}`, undefined],
    ["no method of the path, and an empty JSON body", "DELETE", "/health", undefined],
    ["no method of the path, and malformed JSON", "POST", "/health", "{"],
    ["no method of the path, and a body", "PUT", "/metrics", "{}"],
  ])("get an error of the server, never of a library: %s", async (_what, method, target, body) => {
    const { url } = await open();
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}${target}`, { method, headers, ...(body === undefined ? {} : { body }) });
    expect([response.status, await response.json()]).toEqual([
      404,
      {
        code: "unimplemented",
        message: expect.stringMatching(/^No route matches \//),
        details: [expect.objectContaining({ debug: expect.objectContaining({ reason: "ROUTE_NOT_FOUND" }) })],
      },
    ]);
  });

  it("get UNIMPLEMENTED over gRPC", async () => {
    const { url } = await open();
    const response = await fetch(`${url}/nobody.Home/Knock`, {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
    });
    expect(response.headers.get("grpc-status")).toBe("12");
  });

  it("can be routes of the module", async () => {
    const { url } = await open({
      module: { httpRoutes: [{ method: "GET", url: "/keys", handler: async () => ({ keys: [] }) }] },
    });
    await expect(fetch(`${url}/keys`).then((response) => response.json())).resolves.toEqual({ keys: [] });
  });
});

describe("gRPC-Web-Text", () => {
  it("is decoded and encoded, also with separately encoded chunks", async () => {
    const { url } = await open();
    const header = Buffer.from([0, 0, 0, 0, 4]).toString("base64");
    const message = Buffer.from([0x0a, 2, 0x68, 0x69]).toString("base64");
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/grpc-web-text" },
      body: header + message,
    });
    expect(response.headers.get("content-type")).toMatch(/^application\/grpc-web-text/);
    const text = await response.text();
    const bytes = Buffer.concat([...text.matchAll(/[^=]+={0,2}/g)].map(([part]) => Buffer.from(part, "base64")));
    expect(bytes.subarray(0, 9)).toEqual(Buffer.from([0, 0, 0, 0, 4, 0x0a, 2, 0x68, 0x69]));
    expect(bytes.subarray(9).toString("latin1")).toMatch(/grpc-status: ?0/);
  });
});
