import { Agent, request } from "node:http";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { type EchoServer, StreamService, serveEcho } from "../../echo-fixture.ts";
import { implement } from "../../pipeline/service-module.ts";

let opened: EchoServer | undefined;

afterEach(async () => {
  await opened?.server.close();
  opened = undefined;
});

/** In a turn of no time every read of more than one connection waits. */
async function open(): Promise<EchoServer> {
  opened = await serveEcho({
    config: { limits: { readTurnMs: 0.001, unaryTimeoutMs: 60_000 } },
    entries: [
      implement(StreamService, {
        say: ({ message }: { message: string }) => ({ message }),
        async *repeat() {},
        async *chat() {},
        async join(messages: AsyncIterable<{ message: string }>) {
          let bytes = 0;
          for await (const { message } of messages) {
            bytes += message.length;
            if (bytes % 3 === 0) {
              await new Promise((resolve) => setImmediate(resolve));
            }
          }
          return { message: String(bytes) };
        },
      } as never),
    ],
  });
  return opened;
}

/** Sends a body in pieces, and returns the response. */
function say(server: EchoServer, agent: Agent, { length, chunked, pieceBytes }: Body): Promise<string> {
  const body = JSON.stringify({ message: `length ${length}` }).padEnd(length, " ");
  const { port } = server.server;
  const headers = { "content-type": "application/json", ...(chunked ? {} : { "content-length": body.length }) };
  return new Promise((resolve, reject) => {
    const path = "/test.v1.StreamService/Say";
    const sent = request({ host: "127.0.0.1", port, agent, method: "POST", path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    sent.on("error", reject);
    const write = (at: number) => {
      if (at >= body.length) {
        sent.end();
      } else {
        sent.write(body.slice(at, at + pieceBytes), () => write(at + pieceBytes));
      }
    };
    write(0);
  });
}

interface Body {
  readonly length: number;
  readonly chunked: boolean;
  readonly pieceBytes: number;
}

const bodies: Body[] = [10, 5_000, 70_000, 400_000].flatMap((length) =>
  [true, false].flatMap((chunked) => [1_000, 60_000].map((pieceBytes) => ({ length, chunked, pieceBytes }))),
);

describe("bodies are received whole while every read waits for its turn", () => {
  it("in unary calls, of all sizes, chunked or not", async () => {
    const server = await open();
    const agents = Array.from({ length: 6 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const sent = agents.flatMap((agent, index) =>
      bodies.map((_, at) => ({ agent, body: bodies[(at + index) % bodies.length] as Body })),
    );
    const responses = await Promise.all(sent.map(({ agent, body }) => say(server, agent, body)));
    expect(responses).toEqual(sent.map(({ body }) => `{"message":"length ${body.length}"}`));
    for (const agent of agents) {
      agent.destroy();
    }
  }, 60_000);

  it("in client streams", async () => {
    const server = await open();
    const calls = Array.from({ length: 6 }, async (_, index) => {
      const transport = createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" });
      const client = createClient(StreamService, transport) as unknown as {
        join(messages: AsyncIterable<{ message: string }>): Promise<{ message: string }>;
      };
      const sent = async function* () {
        for (let count = 0; count < 1_000; count++) {
          yield { message: "x".repeat(500 + index * 700) };
        }
      };
      return Number((await client.join(sent())).message);
    });
    expect(await Promise.all(calls)).toEqual(calls.map((_, index) => 1_000 * (500 + index * 700)));
  }, 60_000);
});
