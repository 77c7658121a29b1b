import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { afterEach, expect, test } from "vitest";
import { type EchoServer, serveEcho } from "../../echo-fixture.ts";
import { RefusalRate } from "./refusal-rate.ts";

let server: EchoServer | undefined;
afterEach(() => server?.server.close());

test.each([1, 4, 100])(
  "%i connections that repeat refused calls at once get 5,000 refusals a second",
  (connections) => {
    const rate = new RefusalRate(5_000);
    const readAtMs = Array.from({ length: connections }, () => 0);
    let refused = 0;
    for (let nowMs = 0; nowMs < 10_000; nowMs++) {
      for (const [index, atMs] of readAtMs.entries()) {
        // In each turn a connection has a hundred calls, unless it pauses.
        for (let calls = 0; calls < 100 && atMs <= nowMs && (readAtMs[index] ?? 0) <= nowMs; calls++) {
          refused++;
          readAtMs[index] = nowMs + rate.pauseMs(nowMs);
        }
      }
    }
    expect(refused).toBeGreaterThan(45_000);
    expect(refused).toBeLessThan(55_000);
  },
);

test("a pause has a limit, however many calls are refused", () => {
  const rate = new RefusalRate(5_000);
  for (let calls = 0; calls < 100_000; calls++) {
    expect(rate.pauseMs(0)).toBeLessThanOrEqual(50.2);
  }
  expect(rate.pauseMs(1_000)).toBe(0);
});

test("a connection with more refused calls than REFUSALS_PER_SECOND_MAX waits, and may have fewer streams until a call is accepted", async () => {
  server = await serveEcho({ config: { drainNoticeMs: 0, limits: { callsMax: 0, refusalsPerSecondMax: 1_000 } } });
  const session = connect(server.url);
  await once(session, "remoteSettings");
  expect(session.remoteSettings.maxConcurrentStreams).toBe(1_000);

  const startMs = performance.now();
  const refused = Array.from({ length: 1_000 }, () => grpcStatus(session, "/echo.v1.EchoService/Echo"));
  expect(new Set(await Promise.all(refused))).toEqual(new Set(["8"]));
  // A burst of 250 is free.
  expect(performance.now() - startMs).toBeGreaterThan(600);
  expect(session.remoteSettings.maxConcurrentStreams).toBe(62);
  expect(await server.environment.metrics.metrics()).toMatch(/^parley_server_read_pauses_total [1-9]/m);

  const accepted = () => grpcStatus(session, "/grpc.health.v1.Health/Check");
  await expect
    .poll(async () => [await accepted(), session.remoteSettings.maxConcurrentStreams], { timeout: 10_000 })
    .toEqual(["0", 1_000]);
  session.destroy();
});

/** Makes a call with an empty request. */
async function grpcStatus(session: ClientHttp2Session, path: string): Promise<string | undefined> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.end(Buffer.alloc(5));
  let status: string | undefined;
  for (const event of ["response", "trailers"]) {
    stream.on(event, (headers: IncomingHttpHeaders) => {
      status = headers["grpc-status"]?.toString() ?? status;
    });
  }
  stream.resume();
  await once(stream, "close");
  return status;
}
