import { connect as connectTcp } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, everyProtocol, StreamService, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

let echo: EchoServer;

beforeAll(async () => {
  echo = await serveEcho({
    echo({ message }) {
      if (message === "fail") {
        throw new ConnectError("expected", Code.FailedPrecondition);
      }
      return { message };
    },
    entries: [
      implement(StreamService, {
        async *repeat(request: unknown) {
          yield request;
        },
      } as never),
    ],
  });
});
afterAll(() => echo.server.close());

const requestId = "order-4711/second-try";

describe("a response", () => {
  for (const index of everyProtocol("http://127.0.0.1:1").keys()) {
    const [name] = everyProtocol("http://127.0.0.1:1")[index] as [string, unknown];

    it(`has the request id of its request: ${name}`, async () => {
      const [, transport] = everyProtocol(echo.url)[index] as ReturnType<typeof everyProtocol>[number];
      const headers = { "x-request-id": requestId };
      const seen: (string | null)[] = [];
      const onHeader = (header: Headers) => seen.push(header.get("x-request-id"));
      const client = createClient(EchoService, transport);
      await client.echo({ message: "a" }, { headers, onHeader });
      await client.echo({ message: "a" }, { onHeader });
      await client.echo({ message: "a" }, { headers: { "x-request-id": "x".repeat(129) }, onHeader });
      const error = await client.echo({ message: "fail" }, { headers }).catch(ConnectError.from);
      const streams = createClient(StreamService, transport) as unknown as {
        repeat(request: object, options: object): AsyncIterable<unknown>;
      };
      for await (const _ of streams.repeat({ message: "a" }, { headers, onHeader })) {
        // One response.
      }
      expect(seen).toEqual([requestId, null, null, requestId]);
      expect((error as ConnectError).metadata.get("x-request-id")).toBe(requestId);
    });
  }
});

describe("an HTTP/1.1 request without exactly one valid Host header", () => {
  it.each([
    ["twice the same", "Host: localhost\r\nHost: localhost\r\n"],
    ["two", "Host: localhost\r\nHost: evil.example\r\n"],
    ["of different case", "host: localhost\r\nHOST: evil.example\r\n"],
    ["apart", "Host: localhost\r\nX-A: b\r\nHost: evil.example\r\n"],
    ["none", ""],
    ...[
      "localhost, evil.example",
      "local host",
      "me@localhost",
      "localhost/a",
      "[::1",
      "localhost:80:80",
      "localhost:http",
    ].map((host) => [host, `Host: ${host}\r\n`]),
  ])("is refused: %s", async (_name, hosts) => {
    expect(await statusOf(hosts)).toBe(400);
  });

  it("succeeds with a single one, so the test can fail", async () => {
    expect(await statusOf("Host: localhost\r\n")).toBe(200);
  });
});

/** The HTTP status of a call with these headers. */
function statusOf(hosts: string): Promise<number> {
  const { hostname, port } = new URL(echo.url);
  return new Promise((resolve, reject) => {
    const socket = connectTcp(Number(port), hostname, () => {
      const head = `POST /echo.v1.EchoService/Echo HTTP/1.1\r\n${hosts}Content-Type: application/json\r\nContent-Length: 2\r\n`;
      socket.write(`${head}Connection: close\r\n\r\n{}`);
    });
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(answer.split(" ")[1])));
  });
}
