import { create, createFileRegistry, type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { EchoService, file_echo_v1_echo_service } from "@parley/gen/echo/v1/echo_service_pb.js";
import type { Environment } from "../environment/environment.ts";
import { systemEnvironment } from "../environment/system-environment.ts";
import { testedHttp2 } from "../environment/tested-http2-fixture.ts";
import { implement, type ServiceEntry, type ServiceModule } from "./pipeline/service-module.ts";
import { type RunningServer, type ServeOptions, serve } from "./serve.ts";

/** For tests: a server of the echo service with a readable log. */
export interface EchoServer {
  readonly server: RunningServer;
  readonly url: string;
  readonly environment: Environment;
  /** The lines logged so far. */
  lines(): Record<string, unknown>[];
  /** The lines of the access log. */
  calls(): Record<string, unknown>[];
}

export interface EchoOptions extends Partial<Omit<ServeOptions, "environment">> {
  readonly echo?: ServiceImpl<typeof EchoService>["echo"];
  readonly entries?: readonly ServiceEntry[];
  readonly module?: Partial<ServiceModule>;
}

export const echoBack: ServiceImpl<typeof EchoService>["echo"] = ({ message }) => ({ message });

export async function serveEcho({
  echo = echoBack,
  entries = [],
  module = {},
  config,
  ...options
}: EchoOptions = {}): Promise<EchoServer> {
  const { environment, lines } = recordingEnvironment();
  const entry = implement(EchoService, { echo });
  const server = await serve(
    { entries: [entry, ...entries], ...module },
    {
      name: "test",
      config: { drainNoticeMs: 0, ...config },
      ...options,
      environment,
    },
  );
  return {
    server,
    url: server.url,
    environment,
    lines,
    calls: () => lines().filter(({ msg }) => msg === "call"),
  };
}

export function recordingEnvironment(): { readonly environment: Environment; lines(): Record<string, unknown>[] } {
  const written: string[] = [];
  const environment = {
    ...systemEnvironment({ name: "test", logDestination: { write: (line) => written.push(line) } }),
    http2: testedHttp2,
  };
  return { environment, lines: () => written.map((line) => JSON.parse(line)) };
}

/** A transport for each protocol and HTTP version, by name. */
export function everyProtocol(baseUrl: string): [string, Transport][] {
  return [
    ["gRPC", createGrpcTransport({ baseUrl })],
    ["gRPC-Web over HTTP/1.1", createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
    ["gRPC-Web over HTTP/2, JSON", createGrpcWebTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false })],
    ["Connect JSON over HTTP/1.1", createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })],
    ["Connect binary over HTTP/2", createConnectTransport({ baseUrl, httpVersion: "2" })],
    ["Connect GET", createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
  ];
}

/** A service with all kinds of streams. It uses the messages of the echo service. */
export const StreamService: DescService = streamService();

function streamService(): DescService {
  const request = ".echo.v1.EchoRequest";
  const response = ".echo.v1.EchoResponse";
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/stream.proto",
    package: "test.v1",
    syntax: "proto3",
    dependency: [file_echo_v1_echo_service.proto.name],
    service: [
      {
        name: "StreamService",
        method: [
          // No deadline in the contract, so that tests do not fail on a slow machine.
          { name: "Say", inputType: request, outputType: response },
          { name: "Repeat", inputType: request, outputType: response, serverStreaming: true },
          { name: "Join", inputType: request, outputType: response, clientStreaming: true },
          { name: "Chat", inputType: request, outputType: response, clientStreaming: true, serverStreaming: true },
        ],
      },
    ],
  });
  const registry = createFileRegistry(
    fromBinary(FileDescriptorProtoSchema, toBinary(FileDescriptorProtoSchema, file)),
    () => file_echo_v1_echo_service,
  );
  const service = registry.getService("test.v1.StreamService");
  if (service === undefined) {
    throw new Error("the test's contract has no service");
  }
  return service;
}
