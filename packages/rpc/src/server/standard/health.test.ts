import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { Code, type ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ServerReflection } from "@parley/gen/grpc/reflection/v1/reflection_pb.js";
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "@parley/gen/health/v1/health_pb.js";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";
import { createHealth } from "./health.ts";

const run = promisify(execFile);
let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho({ config: { limits: { callsMax: 0 } } });
});
afterAll(() => server.server.close());

describe("health", () => {
  const client = () => createClient(Health, createGrpcTransport({ baseUrl: server.url }));

  it("reports the status of the server and of each service, also at the concurrency limit", async () => {
    await expect(client().check({})).resolves.toMatchObject({ status: Status.SERVING });
    await expect(client().check({ service: "echo.v1.EchoService" })).resolves.toMatchObject({ status: Status.SERVING });
    const { statuses } = await client().list({});
    expect(Object.keys(statuses).sort()).toEqual(["", "echo.v1.EchoService"]);
  });

  it("answers Check of an unknown service with NOT_FOUND", async () => {
    const error = await client()
      .check({ service: "nobody.Home" })
      .catch((reason: ConnectError) => reason);
    expect((error as ConnectError).code).toBe(Code.NotFound);
  });

  it("answers Watch of an unknown service with SERVICE_UNKNOWN", async () => {
    for await (const { status } of client().watch({ service: "nobody.Home" })) {
      expect(status).toBe(Status.SERVICE_UNKNOWN);
      break;
    }
  });

  it("removes watchers whose call has ended", async () => {
    const health = createHealth([]);
    const ends = new AbortController();
    const watch = health.entry.implementation.watch as unknown as (
      request: { readonly service: string },
      context: { readonly signal: AbortSignal },
    ) => AsyncGenerator<{ readonly status: number }>;
    const watchers = Array.from({ length: 100 }, () => watch({ service: "" }, ends));
    const second = watchers.map(async (watcher) => {
      await watcher.next();
      return watcher.next();
    });
    await expect.poll(() => health.watcherCount).toBe(100);
    ends.abort();
    expect((await Promise.all(second)).every(({ done }) => done === true)).toBe(true);
    expect(health.watcherCount).toBe(0);
  });

  it("rejects a service name of more than 200 characters", async () => {
    const service = "x".repeat(100_000);
    const refusal = { code: Code.InvalidArgument, rawMessage: expect.stringContaining("at most 200 characters") };
    await expect(client().check({ service })).rejects.toMatchObject(refusal);
    await expect(client().watch({ service })[Symbol.asyncIterator]().next()).rejects.toMatchObject(refusal);
  });

  it("reports the status at GET /health", async () => {
    const response = await fetch(`${server.url}/health`);
    expect(response.status).toBe(200);
    await expect(response.json()).resolves.toEqual({
      status: "SERVING",
      services: { "echo.v1.EchoService": "SERVING" },
    });
  });
});

test("a cancelled Watch releases its place and its watcher, and Watch streams have their own concurrency limit", async () => {
  const health = createHealth([]);
  const small = await serveEcho({
    config: {
      drainNoticeMs: 0,
      limits: { diagnosticStreamsMax: 4, streamsSharePercent: 100, streamsMax: 1, callsMax: 1 },
    },
  });
  const client = createClient(Health, createGrpcTransport({ baseUrl: small.url }));
  const taken = async () =>
    /places_taken\{budget="diagnostics"\} (\d+)/.exec(await small.environment.metrics.metrics())?.[1];
  for (let round = 0; round < 3; round++) {
    const cancellation = new AbortController();
    const watches = Array.from({ length: 4 }, () =>
      client.watch({}, { signal: cancellation.signal })[Symbol.asyncIterator](),
    );
    await Promise.all(watches.map((watch) => watch.next()));
    await expect(client.watch({})[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.ResourceExhausted,
      rawMessage: expect.stringContaining("DIAGNOSTIC_STREAMS_MAX=4"),
    });
    await expect(client.check({})).resolves.toMatchObject({ status: Status.SERVING });
    cancellation.abort();
    await expect.poll(taken).toBe("0");
  }
  await small.server.close();
  // The implementation removes the watcher of a cancelled Watch even if the status never changed.
  const gone = new AbortController();
  const { implementation } = health.entry;
  const watch = (implementation.watch as unknown as (request: object, context: HandlerContext) => unknown)(
    create(HealthCheckRequestSchema),
    { signal: gone.signal } as HandlerContext,
  );
  const iterator = (watch as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  await iterator.next();
  expect(health.watcherCount).toBe(1);
  const next = iterator.next();
  gone.abort();
  await expect(next).resolves.toMatchObject({ done: true });
  expect(health.watcherCount).toBe(0);
});

describe("reflection", () => {
  async function ask(messageRequest: object) {
    async function* one() {
      yield { messageRequest } as never;
    }
    const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: server.url }));
    for await (const { messageResponse } of client.serverReflectionInfo(one())) {
      return messageResponse;
    }
    throw new Error("no answer");
  }

  it("finds the file of an extension, and lists the extensions of a message", async () => {
    const found = await ask({
      case: "fileContainingExtension",
      value: { containingType: "google.protobuf.MethodOptions", extensionNumber: 50101 },
    });
    expect(found.case).toBe("fileDescriptorResponse");
    const numbers = await ask({ case: "allExtensionNumbersOfType", value: "google.protobuf.MethodOptions" });
    expect(numbers.value).toMatchObject({ extensionNumber: expect.arrayContaining([50101, 50102, 50103]) });
  });

  it.each([
    { case: "fileByFilename", value: "nobody.proto" },
    { case: "fileContainingSymbol", value: "nobody.Home" },
    { case: "fileContainingExtension", value: { containingType: "nobody.Home", extensionNumber: 1 } },
    { case: "allExtensionNumbersOfType", value: "nobody.Home" },
  ])("answers NOT_FOUND for an unknown name: $case", async (question) => {
    await expect(ask(question)).resolves.toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
  });

  it.each([
    "echo.v1.EchoService",
    "echo.v1.EchoService.Echo",
    "echo.v1.EchoRequest",
    "echo.v1.EchoRequest.message",
    // Clients need it to show error details.
    "google.rpc.ErrorInfo",
  ])("finds the file of the symbol %s", async (value) => {
    await expect(ask({ case: "fileContainingSymbol", value })).resolves.toMatchObject({
      case: "fileDescriptorResponse",
    });
  });

  it.each(["grpc", "grpcweb", "connect"])("supports buf curl without a schema over %s", async (protocol) => {
    const calm = await serveEcho();
    const { stdout } = await run("buf", [
      "curl",
      ...["--protocol", protocol, "--http2-prior-knowledge", "-d", '{"message":"hi"}'],
      `${calm.url}/echo.v1.EchoService/Echo`,
    ]);
    expect(JSON.parse(stdout)).toEqual({ message: "hi" });
    await calm.server.close();
  });

  const grpcurl = spawnSync("grpcurl", ["-version"]).status === 0;
  it.runIf(grpcurl)(
    `supports grpcurl list and describe${grpcurl ? "" : " (skipped: grpcurl is not installed)"}`,
    async () => {
      const target = server.url.replace("http://", "");
      const list = await run("grpcurl", ["-plaintext", target, "list"]);
      expect(list.stdout.trim().split("\n")).toEqual([
        "echo.v1.EchoService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "rpc.v1.TelemetryService",
      ]);
      const described = await run("grpcurl", ["-plaintext", target, "describe", "echo.v1.EchoRequest"]);
      expect(described.stdout).toContain("max_len: 4096");
    },
  );
});
