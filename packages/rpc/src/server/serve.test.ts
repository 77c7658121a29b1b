import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { BadRequestSchema, RequestInfoSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { callContextKey } from "../call/call-context.ts";
import { reasonOf } from "../call/reason-error.ts";
import { type EchoServer, echoBack, everyProtocol, serveEcho } from "./echo-fixture.ts";

let echo: EchoServer;
const opened: EchoServer[] = [];

async function open(...options: Parameters<typeof serveEcho>): Promise<EchoServer> {
  const server = await serveEcho(...options);
  opened.push(server);
  return server;
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  const answer = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (!(answer instanceof ConnectError)) {
    throw new Error(`expected a failure, got ${JSON.stringify(answer)}`);
  }
  return answer;
}

beforeAll(async () => {
  echo = await serveEcho();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ server }) => server.close().catch(() => {})));
});
afterAll(() => echo.server.close());

const protocolNames = everyProtocol("http://127.0.0.1").map(([name]) => name);

function clientFor(server: EchoServer, name: string) {
  const found = everyProtocol(server.url).find(([candidate]) => candidate === name);
  if (found === undefined) {
    throw new Error(`no protocol is called ${name}`);
  }
  return createClient(EchoService, found[1]);
}

describe.each(protocolNames)("a server called over %s", (name) => {
  it("answers", async () => {
    await expect(clientFor(echo, name).echo({ message: "hello" })).resolves.toMatchObject({ message: "hello" });
  });

  it("refuses a request that breaks a rule of the contract, naming field and limit", async () => {
    const error = await failure(clientFor(echo, name).echo({ message: "x".repeat(4097) }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.rawMessage).toBe("`message` must have at most 4096 characters; it has 4097.");
    expect(reasonOf(error)?.reason).toBe("INVALID_REQUEST");
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]).toMatchObject({ field: "message" });
    expect(error.details).toContainEqual(expect.objectContaining({ type: "buf.validate.Violations" }));
  });

  it("answers DEADLINE_EXCEEDED on time although the implementation continues", async () => {
    let finished = false;
    const slow = await open({
      async echo() {
        await new Promise((resolve) => setTimeout(resolve, 600));
        finished = true;
        return {};
      },
    });
    const startMs = performance.now();
    const error = await failure(
      // As headers, so that only the server enforces the deadline.
      clientFor(slow, name).echo({}, { headers: { "grpc-timeout": "50m", "connect-timeout-ms": "50" } }),
    );
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(performance.now() - startMs).toBeLessThan(500);
    expect(finished).toBe(false);
    await expect.poll(() => slow.calls()).toMatchObject([{ code: "DEADLINE_EXCEEDED" }]);
  });

  it("reveals only a request id of an unexpected error", async () => {
    const broken = await open({
      echo() {
        throw new Error("SELECT secret FROM users");
      },
    });
    const error = await failure(clientFor(broken, name).echo({}, { headers: { "x-request-id": "ask-me-42" } }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe("Internal error. Report it with the request id ask-me-42.");
    expect(reasonOf(error)).toMatchObject({ reason: "INTERNAL", metadata: { requestId: "ask-me-42" } });
    expect(error.findDetails(RequestInfoSchema)[0]?.requestId).toBe("ask-me-42");
    expect(JSON.stringify([...error.metadata])).not.toContain("SELECT");
    const logged = broken.lines().filter(({ level }) => level === "error");
    expect(logged).toHaveLength(1);
    expect(JSON.stringify(logged[0])).toContain("SELECT secret");
  });

  it("sheds calls above its limit, with a retry delay", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const small = await open({
      config: { limits: { callsMax: 1, shedRetryAfterMs: 70 } },
      async echo() {
        await held;
        return {};
      },
    });
    const client = clientFor(small, name);
    const first = client.echo({ message: "first" });
    await expect.poll(async () => (await small.environment.metrics.metrics()).includes("in_flight 1")).toBe(true);
    const error = await failure(client.echo({ message: "second" }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(reasonOf(error)?.reason).toBe("OVERLOADED");
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.nanos).toBe(70_000_000);
    expect(error.metadata.get("grpc-retry-pushback-ms")).toBe("70");
    release();
    await first;
    await client.echo({ message: "third" });
    expect(await small.environment.metrics.metrics()).toContain("parley_server_calls_shed_total 1");
  });

  it("refuses a message of 5 MiB, naming the limit", async () => {
    if (name === "Connect GET") {
      return; // A URL of that length exceeds the limit on headers.
    }
    const error = await failure(clientFor(echo, name).echo({ message: "x".repeat(5 * 1024 * 1024) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain("4194304");
    expect(reasonOf(error)?.reason).toBe("MESSAGE_TOO_LARGE");
    await expect(clientFor(echo, name).echo({ message: "next" })).resolves.toMatchObject({ message: "next" });
  });

  it("does not send a message over its own limit", async () => {
    const server = await open({ config: { limits: { responseBytesMax: 1000 } } });
    const error = await failure(clientFor(server, name).echo({ message: "x".repeat(1000) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain("1000");
    await expect.poll(() => server.calls()).toMatchObject([{ code: "RESOURCE_EXHAUSTED" }]);
  });
});

describe("a call's context", () => {
  it("continues the received request id, trace and state, as a new span", async () => {
    const seen: unknown[] = [];
    const server = await open({
      echo(request, context) {
        seen.push(context.values.get(callContextKey));
        return echoBack(request, context);
      },
    });
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    await client.echo(
      {},
      {
        headers: {
          "x-request-id": "r-1",
          traceparent: `00-${traceId}-b7ad6b7169203331-01`,
          tracestate: "vendor=1",
        },
      },
    );
    expect(seen).toMatchObject([{ requestId: "r-1", tracestate: "vendor=1" }]);
    const { traceparent } = seen[0] as { traceparent: string };
    expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect(traceparent).not.toContain("b7ad6b7169203331");
    await expect.poll(() => server.calls()).toMatchObject([{ requestId: "r-1", traceId }]);
  });

  it("gets new ids if the received ones are invalid", async () => {
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: echo.url }));
    const before = echo.calls().length;
    await client.echo({}, { headers: { "x-request-id": "x".repeat(129), traceparent: "00-zz" } });
    await expect.poll(() => echo.calls().length).toBe(before + 1);
    const line = echo.calls()[before];
    expect(line?.requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(line?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it("has the contract's deadline if the caller's is longer or missing", async () => {
    const left: (number | undefined)[] = [];
    const server = await open({
      echo(_request, context) {
        left.push(context.timeoutMs());
        return {};
      },
    });
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
    await client.echo({});
    await client.echo({}, { timeoutMs: 60_000 });
    await client.echo({}, { timeoutMs: 500 });
    expect(left[0]).toBeGreaterThan(500);
    expect(left[0]).toBeLessThanOrEqual(1000);
    expect(left[1]).toBeLessThanOrEqual(1000);
    expect(left[2]).toBeLessThanOrEqual(500);
  });

  it("aborts its signal at the deadline and when the caller disconnects", async () => {
    const aborted: unknown[] = [];
    const server = await open({
      echo: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            aborted.push((signal.reason as ConnectError).code);
            reject(signal.reason);
          });
        }),
    });
    // Sent in a header only: a client that enforced it itself would disconnect at the same moment.
    await fetch(`${server.url}/${EchoService.typeName}/Echo`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "30" },
      body: "{}",
    });
    await expect.poll(() => aborted).toEqual([Code.DeadlineExceeded]);
    const client = createClient(EchoService, createGrpcTransport({ baseUrl: server.url }));
    const controller = new AbortController();
    const call = failure(client.echo({}, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    await call;
    await expect.poll(() => aborted).toEqual([Code.DeadlineExceeded, Code.Canceled]);
    await expect.poll(() => server.calls().map(({ code }) => code)).toEqual(["DEADLINE_EXCEEDED", "CANCELLED"]);
  });
});

describe("the access log", () => {
  it("has one line a call, with outcome and caller", async () => {
    const server = await open();
    await createClient(EchoService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" })).echo({});
    await expect.poll(() => server.calls()).toHaveLength(1);
    expect(server.calls()[0]).toMatchObject({
      level: "info",
      service: "echo.v1.EchoService",
      method: "Echo",
      protocol: "connect",
      code: "OK",
      peer: "127.0.0.1",
      latencyMs: expect.any(Number),
      requestId: expect.any(String),
      traceId: expect.any(String),
    });
  });

  it("has lines for calls that never reached their implementation", async () => {
    const server = await open();
    await fetch(`${server.url}/echo.v1.EchoService/Echo`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    await expect.poll(() => server.calls()).toMatchObject([{ code: "INVALID_ARGUMENT" }]);
  });
});

describe("a module with a slow start", () => {
  it("starts before the port listens, so that a proxy uses another replica meanwhile", async () => {
    const probe = await serveEcho();
    const { port } = probe.server;
    await probe.server.close();
    let begun = () => {};
    let end = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const mayEnd = new Promise<void>((resolve) => {
      end = resolve;
    });
    const starting = serveEcho({
      config: { port },
      module: {
        async start() {
          begun();
          await mayEnd;
        },
      },
    });
    await hasBegun;
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
    end();
    const { server } = await starting;
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.close();
  });

  it("is stopped again if the port is in use", async () => {
    const { server } = await serveEcho();
    const done: string[] = [];
    const module = { start: async () => void done.push("start"), stop: async () => void done.push("stop") };
    await expect(serveEcho({ config: { port: server.port }, module })).rejects.toThrow("EADDRINUSE");
    expect(done).toEqual(["start", "stop"]);
    await server.close();
  });
});
