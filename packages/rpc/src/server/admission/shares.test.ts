import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { afterEach, expect, test } from "vitest";
import { reasonOf } from "../../call/reason-error.ts";
import { type EchoServer, StreamService, serveEcho } from "../echo-fixture.ts";
import { implement } from "../pipeline/service-module.ts";

interface Message {
  readonly message: string;
}

interface StreamClient {
  repeat(request: Message, options?: object): AsyncIterable<Message>;
}

const endless = implement(StreamService, {
  async *repeat({ message }: Message) {
    yield { message };
    await new Promise(() => {});
  },
} as never);

let server: EchoServer | undefined;
afterEach(() => server?.server.close().catch(() => {}));

/** A client with its own connection. */
function connect({ url }: EchoServer) {
  const transport = createGrpcTransport({ baseUrl: url });
  return {
    echo: createClient(EchoService, transport),
    streams: createClient(StreamService, transport) as unknown as StreamClient,
  };
}

async function opens(client: StreamClient, signal: AbortSignal): Promise<string> {
  try {
    await client.repeat({ message: "a" }, { signal })[Symbol.asyncIterator]().next();
    return "open";
  } catch (error) {
    return String(reasonOf(ConnectError.from(error))?.reason);
  }
}

test("one connection gets only its share of streams, others still get streams and calls, and closed streams free their places", async () => {
  server = await serveEcho({ entries: [endless], config: { drainNoticeMs: 0, limits: { streamsMax: 100 } } });
  const greedy = connect(server);
  const cancellation = new AbortController();
  const outcomes = await Promise.all(Array.from({ length: 300 }, () => opens(greedy.streams, cancellation.signal)));
  expect(outcomes.filter((outcome) => outcome === "open")).toHaveLength(50);
  expect(new Set(outcomes)).toEqual(new Set(["open", "SHARE_EXCEEDED"]));
  const other = connect(server);
  expect(await opens(other.streams, cancellation.signal)).toBe("open");
  await expect(other.echo.echo({ message: "hi" })).resolves.toMatchObject({ message: "hi" });
  await expect(greedy.echo.echo({ message: "hi" })).resolves.toMatchObject({ message: "hi" });
  cancellation.abort();
  const { signal } = new AbortController();
  await expect.poll(() => opens(greedy.streams, signal), { timeout: 20_000 }).toBe("open");
});

test("a stream ends at its maximum age with STREAM_AGE_REACHED and frees its place", async () => {
  server = await serveEcho({
    entries: [endless],
    config: { drainNoticeMs: 0, limits: { streamAgeMaxMs: 200, streamsMax: 1 } },
  });
  const { streams, echo } = connect(server);
  for (let round = 0; round < 3; round++) {
    const seen: string[] = [];
    const ending = (async () => {
      for await (const { message } of streams.repeat({ message: "a" })) {
        seen.push(message);
      }
    })();
    const error = await ending.catch((reason: unknown) => ConnectError.from(reason));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(reasonOf(error)?.reason).toBe("STREAM_AGE_REACHED");
    expect(seen).toEqual(["a"]);
  }
  // Unary calls have no maximum age.
  await expect(echo.echo({ message: "hi" })).resolves.toMatchObject({ message: "hi" });
});
