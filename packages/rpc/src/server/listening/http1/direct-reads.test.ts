import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { expect, it } from "vitest";
import { serveEcho } from "../../echo-fixture.ts";
import { DirectReads } from "./direct-reads.ts";

function setUp() {
  const clock = { ms: 0, monotonic: () => clock.ms };
  const reads = new DirectReads(clock);
  const paced: number[] = [];
  const connection = (number: number) => ({ count: 0, pace: () => void paced.push(number) });
  return { clock, reads, paced, connection };
}

it("ends for all connections together, and for new ones during a minute", () => {
  const { clock, reads, paced, connection } = setUp();
  const closed = connection(3);
  expect([1, 2].map((number) => reads.tryAdd(connection(number), 100))).toEqual([true, true]);
  expect(reads.tryAdd(closed, 100)).toBe(true);
  reads.delete(closed);
  reads.end();
  expect(paced).toEqual([1, 2]);
  expect(reads.tryAdd(connection(4), 100)).toBe(false);
  clock.ms += 60_000;
  expect(reads.tryAdd(connection(5), 100)).toBe(true);
  reads.end();
  expect(paced).toEqual([1, 2, 5]);
});

it("is for connections with few unread bytes, and for a limited number of them", () => {
  const { reads, connection } = setUp();
  expect(reads.tryAdd(connection(0), 4_097)).toBe(false);
  const added = Array.from({ length: 300 }, (_, number) => reads.tryAdd(connection(number), 4_096));
  expect(added.filter(Boolean)).toHaveLength(256);
});

it("ends for a connection with a large body", () => {
  const { reads, paced, connection } = setUp();
  const [large, other] = [connection(1), connection(2)];
  for (const each of [large, other]) reads.tryAdd(each, 0);
  reads.check(large, { "content-length": "65536" });
  expect(paced).toEqual([]);
  reads.check(large, { "content-length": "65537" });
  expect(paced).toEqual([1]);
  reads.check(other, { "transfer-encoding": "chunked" });
  expect(paced).toEqual([1, 2]);
});

// A parser that reads by itself emits all requests of a read at once, whatever their number: 64 KiB are about 500.
it.each(["pipelined", "chunked"] as const)("a %s request on one connection paces the others", async (kind) => {
  const { server } = await serveEcho({
    config: { drainNoticeMs: 0, limits: { pipelinedRequestsMax: 4 } },
    echo: ({ message }) => (message === "wait" ? new Promise(() => {}) : { message }),
  });
  const [one, other] = [connect(server.port, "127.0.0.1"), connect(server.port, "127.0.0.1")];
  let parsed = 0;
  const count = (event: unknown) => {
    const { request } = event as { readonly request: IncomingMessage };
    parsed += request.socket.remotePort === other.localPort ? 1 : 0;
  };
  subscribe("http.server.request.start", count);
  try {
    for (const socket of [one, other]) {
      socket.on("error", () => {}).write(request("first"));
      await once(socket, "data");
    }
    one.write(kind === "pipelined" ? request("a") + request("b") : request("a", true));
    await once(one, "data");
    other.write(request("wait") + request("next").repeat(2_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(parsed).toBeGreaterThan(2);
    expect(parsed).toBeLessThan(100);
  } finally {
    unsubscribe("http.server.request.start", count);
    one.destroy();
    other.destroy();
    await server.close().catch(() => {});
  }
});

function request(message: string, chunked = false): string {
  const body = JSON.stringify({ message });
  const head = "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  return chunked
    ? `${head}transfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `${head}content-length: ${body.length}\r\n\r\n${body}`;
}
