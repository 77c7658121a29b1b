import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { afterEach, describe, expect, it } from "vitest";
import { reasonError } from "../call/reason-error.ts";
import { type EchoServer, everyProtocol, serveEcho } from "./echo-fixture.ts";

const opened: EchoServer[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ server }) => server.close()));
});

const protocols = everyProtocol("http://127.0.0.1").map(([name]) => name);

/** The error that the echo method throws for each message. */
const failures: Readonly<Record<string, () => Error>> = {
  refused: () => reasonError(Code.NotFound, { reason: "NOT_THERE", message: "not there" }),
  foreign: () => reasonError(Code.NotFound, { reason: "NOT_THERE", message: "not there", domain: "other.example" }),
  broken: () => new Error("a bug"),
};

async function domains(server: EchoServer, protocol: string, message: string): Promise<string[]> {
  const [, transport] = everyProtocol(server.url).find(([name]) => name === protocol) ?? [];
  if (transport === undefined) {
    throw new Error(`no protocol is called ${protocol}`);
  }
  const error = await createClient(EchoService, transport)
    .echo({ message })
    .then(
      () => new Error("did not fail"),
      (reason: unknown) => ConnectError.from(reason),
    );
  return error instanceof ConnectError ? error.findDetails(ErrorInfoSchema).map(({ domain }) => domain) : [];
}

async function open(module: { readonly reasonDomain?: string }): Promise<EchoServer> {
  const server = await serveEcho({
    module,
    config: { drainNoticeMs: 0, limits: { requestBytesMax: 64 } },
    echo({ message }) {
      throw failures[message]?.() ?? new Error(`no failure is called ${message}`);
    },
  });
  opened.push(server);
  return server;
}

describe.each(protocols)("the domain of an error's reason over %s", (protocol) => {
  it("is the contract's package by default", async () => {
    const server = await open({});
    expect(await domains(server, protocol, "refused")).toEqual(["echo.v1"]);
    expect(await domains(server, protocol, "broken")).toEqual(["echo.v1"]);
    expect(await domains(server, protocol, "x".repeat(100))).toEqual(["echo.v1"]);
  });

  it("is the module's if it has one, and the error's own takes precedence", async () => {
    const server = await open({ reasonDomain: "shop.example" });
    expect(await domains(server, protocol, "refused")).toEqual(["shop.example"]);
    expect(await domains(server, protocol, "broken")).toEqual(["shop.example"]);
    expect(await domains(server, protocol, "x".repeat(100))).toEqual(["shop.example"]);
    expect(await domains(server, protocol, "foreign")).toEqual(["other.example"]);
  });
});
