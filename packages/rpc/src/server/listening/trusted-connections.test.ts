import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) {
    await each.close();
  }
});

const megabyte = 1024 * 1024;

async function open(): Promise<EchoServer> {
  const server = await serveEcho({
    echo: ({ message }) => ({ message: "x".repeat(Number(message)) }),
    config: {
      drainNoticeMs: 0,
      limits: {
        streamResetBurstMax: 20,
        streamResetsPerSecondMax: 1,
        responseBytesMax: megabyte,
        bufferedResponseBytesMax: 8 * megabyte,
        bufferedResponseBytesPerConnectionMax: 2 * megabyte,
      },
    },
  });
  opened.push({ close: () => server.server.close().catch(() => {}) });
  return server;
}

/** A connection that sends `x-forwarded-for`, as a gateway does, or one that does not. */
function client({ url }: EchoServer, forwardedFor: string | undefined, options = {}) {
  const session: ClientHttp2Session = connect(url, options);
  const state = { closed: false };
  session
    .on("error", () => {})
    .on("close", () => {
      state.closed = true;
    });
  opened.push({ close: () => session.destroy() });
  function begin(bytes: number): ClientHttp2Stream {
    const stream = session.request({
      ":method": "POST",
      ":path": "/echo.v1.EchoService/Echo",
      "content-type": "application/json",
      ...(forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor }),
    });
    stream.on("error", () => {});
    stream.end(JSON.stringify({ message: String(bytes) }));
    return stream;
  }
  const call = (bytes: number) =>
    new Promise<number>((resolve) => {
      const stream = begin(bytes);
      let status = 0;
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("close", () => resolve(stream.rstCode === 0 ? status : -stream.rstCode));
      stream.resume();
    });
  return { state, begin, call };
}

/** Waits until a call on it succeeds. On a slow machine a call may exceed its deadline of a second. */
async function served({ call }: ReturnType<typeof client>, bytes: number): Promise<void> {
  await expect.poll(() => call(bytes), { timeout: 20_000 }).toBe(200);
}

describe("a connection with calls of many callers", () => {
  it("is not closed for many stream resets, unlike one of a single caller", async () => {
    const server = await open();
    const [gateway, single] = [client(server, "192.0.2.1"), client(server, undefined)];
    for (const each of [gateway, single]) {
      await served(each, 2);
      for (let count = 0; count < 200 && !each.state.closed; count++) {
        each.begin(2).close(constants.NGHTTP2_CANCEL);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await expect.poll(() => single.state.closed, { timeout: 20_000 }).toBe(true);
    await served(gateway, 2);
    expect(gateway.state.closed).toBe(false);
  });

  it("stays open if responses are not read: these streams are reset, and other calls continue", async () => {
    const server = await open();
    const gateway = client(server, "192.0.2.1", { settings: { initialWindowSize: 65_535 } });
    await served(gateway, 2);
    // Not read, so flow control blocks the responses.
    const unprocessed = Array.from({ length: 20 }, () => gateway.begin(900_000));
    const reset = () => unprocessed.filter(({ rstCode }) => rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM).length;
    await expect.poll(reset, { timeout: 20_000 }).toBeGreaterThan(0);
    await served(gateway, 100_000);
    expect(gateway.state.closed).toBe(false);
  });

  it("of a single caller gets RESOURCE_EXHAUSTED with a message if the caller does not read responses", async () => {
    const server = await open();
    const single = client(server, undefined, { settings: { initialWindowSize: 65_535 } });
    for (let count = 0; count < 2; count++) {
      single.begin(900_000);
    }
    const refusal = () =>
      new Promise<string>((resolve) => {
        const stream = single.begin(2);
        let text = "";
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        stream.on("close", () => resolve(text));
      });
    await expect
      .poll(refusal, { timeout: 20_000 })
      .toContain("(BUFFERED_RESPONSE_BYTES_PER_CONNECTION_MAX=2097152). Try again in 500 ms.");
    expect(single.state.closed).toBe(false);
  });
});
