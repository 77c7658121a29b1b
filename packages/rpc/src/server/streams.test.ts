import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { reasonOf } from "../call/reason-error.ts";
import { connectInMemory } from "../testing/in-memory.ts";
import { type EchoServer, recordingEnvironment, StreamService, serveEcho } from "./echo-fixture.ts";
import { implement } from "./pipeline/service-module.ts";

interface Message {
  readonly message: string;
}

interface StreamClient {
  repeat(request: Message, options?: object): AsyncIterable<Message>;
  join(requests: AsyncIterable<Message>, options?: object): Promise<Message>;
  chat(requests: AsyncIterable<Message>, options?: object): AsyncIterable<Message>;
}

const ended: string[] = [];

const entry = implement(StreamService, {
  async *repeat({ message }: Message) {
    try {
      for (let index = 0; message === "for ever" || index < 2; index++) {
        yield { message };
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      if (message === "break") {
        throw new Error("SELECT secret");
      }
    } finally {
      ended.push(message);
    }
  },
  async join(requests: AsyncIterable<Message>) {
    const parts: string[] = [];
    for await (const { message } of requests) {
      parts.push(message);
    }
    return { message: parts.join() };
  },
  async *chat(requests: AsyncIterable<Message>) {
    for await (const { message } of requests) {
      yield { message: `${message}!` };
    }
  },
} as never);

async function* messages(...texts: string[]): AsyncGenerator<Message> {
  for (const message of texts) {
    yield { message };
  }
}

async function all(answers: AsyncIterable<Message>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { message } of answers) {
    texts.push(message);
  }
  return texts;
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof ConnectError)) {
    throw new Error("expected a failure");
  }
  return error;
}

let server: EchoServer;

beforeAll(async () => {
  server = await serveEcho({ entries: [entry] });
});
afterAll(() => server.server.close());

const names = ["gRPC", "gRPC-Web", "Connect JSON", "in memory"] as const;

function clientOver(name: (typeof names)[number]): StreamClient {
  const baseUrl = server.url;
  const transports = {
    gRPC: () => createGrpcTransport({ baseUrl }),
    "gRPC-Web": () => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
    "Connect JSON": () => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
    "in memory": () => connectInMemory({ entries: [entry] }, recordingEnvironment().environment),
  };
  return createClient(StreamService, transports[name]()) as unknown as StreamClient;
}

describe("a stream's message above RESPONSE_BYTES_MAX", () => {
  it.each(["gRPC", "gRPC-Web"] as const)(
    "ends the call with RESOURCE_EXHAUSTED over %s, also in the log",
    async (name) => {
      const small = await serveEcho({ entries: [entry], config: { limits: { responseBytesMax: 1_000 } } });
      const baseUrl = small.url;
      const transport =
        name === "gRPC" ? createGrpcTransport({ baseUrl }) : createGrpcWebTransport({ baseUrl, httpVersion: "2" });
      const client = createClient(StreamService, transport) as unknown as StreamClient;
      const error = await failure(all(client.repeat({ message: "x".repeat(1_000) })));
      expect(error.code).toBe(Code.ResourceExhausted);
      await expect.poll(() => small.calls()).toMatchObject([{ code: "RESOURCE_EXHAUSTED" }]);
      await small.server.close();
    },
  );
});

describe.each(names)("streams over %s", (name) => {
  it("carry messages to the client, to the server, and both ways", async () => {
    const client = clientOver(name);
    await expect(all(client.repeat({ message: "a" }))).resolves.toEqual(["a", "a"]);
    await expect(client.join(messages("a", "b"))).resolves.toMatchObject({ message: "a,b" });
    await expect(all(client.chat(messages("a", "b")))).resolves.toEqual(["a!", "b!"]);
  });

  it("end at the first message that violates a rule", async () => {
    const client = clientOver(name);
    const tooLong = "x".repeat(4097);
    for (const call of [
      () => all(client.repeat({ message: tooLong })),
      () => client.join(messages("fine", tooLong)),
      () => all(client.chat(messages("fine", tooLong))),
    ]) {
      const error = await failure(call());
      expect(error.code).toBe(Code.InvalidArgument);
      expect(error.rawMessage).toBe("`message` must have at most 4096 characters; it has 4097.");
      expect(reasonOf(error)?.reason).toBe("INVALID_REQUEST");
    }
  });

  it("reveal no details of an unexpected error", async () => {
    const error = await failure(all(clientOver(name).repeat({ message: "break" })));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toMatch(/^Internal error\. Report it with the request id [\w-]+\.$/);
  });

  it("end at their deadline, and also end their implementation", async () => {
    ended.length = 0;
    // Long enough for the call to begin on a busy machine.
    const error = await failure(all(clientOver(name).repeat({ message: "for ever" }, { timeoutMs: 300 })));
    expect(error.code).toBe(Code.DeadlineExceeded);
    await expect.poll(() => ended, { timeout: 10_000 }).toEqual(["for ever"]);
  });

  it("end their implementation when the caller disconnects", async () => {
    ended.length = 0;
    const controller = new AbortController();
    const reading = all(clientOver(name).repeat({ message: "for ever" }, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    expect((await failure(reading)).code).toBe(Code.Canceled);
    await expect.poll(() => ended).toEqual(["for ever"]);
  });
});
