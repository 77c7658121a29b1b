import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoServer, serveEcho } from "../../echo-fixture.ts";

const opened: { server?: EchoServer; socket?: Socket }[] = [];
afterEach(async () => {
  for (const { socket, server } of opened.splice(0)) {
    socket?.destroy();
    await server?.server.close().catch(() => {});
  }
});

/** A server that counts concurrent calls, and responds to each after `delay`. */
async function open({ pipelinedRequestsMax = 4, delay = async () => {} } = {}) {
  const at = { once: 0, most: 0, isGated: false };
  const server = await serveEcho({
    config: { drainNoticeMs: 0, limits: { pipelinedRequestsMax } },
    echo: async ({ message }) => {
      at.most = Math.max(at.most, ++at.once);
      await delay();
      at.once--;
      return { message };
    },
  });
  opened.push({ server });
  return { server, at };
}

/** A connection, and all bytes received on it. With `used`, Node's parser reads from it by itself: one request was answered. */
async function raw({ server }: EchoServer, { used = false } = {}) {
  const socket = connect(server.port, "127.0.0.1");
  opened.push({ socket });
  const answers = { text: "", closed: false };
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    answers.text += chunk;
  });
  socket
    .on("error", () => {})
    .on("close", () => {
      answers.closed = true;
    });
  await once(socket, "connect");
  if (used) {
    socket.write(request("used"));
    await expect.poll(() => answered(answers.text), { timeout: 20_000 }).toBe(1);
    answers.text = "";
  }
  return { socket, answers };
}

function request(message: string, { chunked = false, bytes = 0 } = {}): string {
  const body = JSON.stringify({ message }).padEnd(bytes, " ");
  const head = "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  return chunked
    ? `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `${head}content-length: ${body.length}\r\n\r\n${body}`;
}

/** The messages of all responses so far. */
function messages(text: string): readonly string[] {
  return [...text.matchAll(/\{"message":"([^"]*)"\}/g)].map(([, message]) => message as string);
}

/** The number of responses so far. On a slow machine a call may get 504 after its deadline of a second. */
function answered(text: string): number {
  return [...text.matchAll(/HTTP\/1\.1 (?:200|504) /g)].length;
}

/** Asserts that the messages are a non-empty part of the expected ones, in the same order. */
function expectInOrder(found: readonly string[], expected: readonly string[]): void {
  expect(found.length).toBeGreaterThan(0);
  const positions = found.map((message) => expected.indexOf(message));
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(positions).not.toContain(-1);
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`);

describe("pipelined HTTP/1.1 requests", () => {
  for (const [what, count, bytes, used] of [
    ["100 in one write", 100, 1, false],
    ["1,000 in one write", 1_000, 1, false],
    ["1,000 in one write after a request", 1_000, 1, true],
    ["100 with bodies of 3 KB", 100, 3_000, false],
    ["6 with bodies larger than a socket's buffer", 6, 150_000, false],
    ["6 with bodies larger than a socket's buffer after a request", 6, 150_000, true],
  ] as const) {
    it(`all get responses, in order: ${what}`, async () => {
      const { server } = await open();
      const { socket, answers } = await raw(server, { used });
      const expected = names(count);
      socket.write(expected.map((message, index) => request(message, { bytes, chunked: index % 3 === 2 })).join(""));
      await expect.poll(() => answered(answers.text), { timeout: 50_000 }).toBe(count);
      expectInOrder(messages(answers.text), expected);
      // The connection still works afterwards.
      socket.write(request("last"));
      await expect.poll(() => answered(answers.text), { timeout: 50_000 }).toBe(count + 1);
      expect(answers.closed).toBe(false);
    }, 120_000);
  }

  it.each([false, true])(
    "are handled one at a time, and not read while too many have no response (used: %s)",
    async (used) => {
      let release = () => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const { server, at } = await open({
        pipelinedRequestsMax: 4,
        delay: () => (at.isGated ? gate : Promise.resolve()),
      });
      const { socket, answers } = await raw(server, { used });
      at.isGated = true;
      socket.write(
        names(2_000)
          .map((name) => request(name))
          .join(""),
      );
      await expect.poll(() => at.most, { timeout: 20_000 }).toBe(1);
      // Calls on another connection succeed meanwhile.
      const other = await raw(server);
      other.socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await expect.poll(() => other.answers.text, { timeout: 20_000 }).toContain("200 OK");
      expect(at.most).toBe(1);
      release();
      await expect.poll(() => answered(answers.text), { timeout: 50_000 }).toBe(2_000);
      expect(at.most).toBe(1);
    },
    120_000,
  );

  it.each([false, true])(
    "may be split anywhere (used: %s)",
    async (used) => {
      const { server } = await open();
      const { socket, answers } = await raw(server, { used });
      const bytes = Buffer.from(
        names(60)
          .map((name) => request(name))
          .join(""),
      );
      for (let start = 0, size = 1; start < bytes.length; start += size, size = (size * 7) % 997) {
        socket.write(bytes.subarray(start, start + size));
        if (size % 5 === 0) {
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      await expect.poll(() => answered(answers.text), { timeout: 50_000 }).toBe(60);
      expectInOrder(messages(answers.text), names(60));
    },
    120_000,
  );

  it.each([false, true])(
    "end at the first invalid one, after the responses to earlier ones (used: %s)",
    async (used) => {
      const { server } = await open();
      const { socket, answers } = await raw(server, { used });
      socket.write(`${request("good")}${"x".repeat(20_000)}${request("never")}`);
      await expect.poll(() => answers.closed, { timeout: 20_000 }).toBe(true);
      expect(messages(answers.text)).not.toContain("never");
      const { socket: next, answers: more } = await raw(server);
      next.write(request("next"));
      await expect.poll(() => answered(more.text), { timeout: 20_000 }).toBe(1);
    },
  );
});
