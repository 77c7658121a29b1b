import { create, type DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createFetchHandler } from "../fetch-handler.ts";
import type { RestResponse } from "../http.ts";
import { jsonOf, type SeenCall, testLibrary } from "../testing/library.ts";

const schema = testLibrary().service.methods.find(({ name }) => name === "WatchBooks")?.output as DescMessage;

function book(position: string) {
  return create(schema, { book: { name: position }, position } as never);
}

async function* stream(count: number, end?: Error) {
  for (let index = 1; index <= count; index++) {
    yield book(`p${index}`);
  }
  if (end !== undefined) {
    throw end;
  }
}

/** Sends nothing until the call's signal aborts. */
async function* silence(call: SeenCall) {
  await new Promise((_resolve, reject) => {
    call.options.signal?.addEventListener("abort", () => reject(new ConnectError("left", Code.Canceled)));
  });
  yield book("never");
}

async function textOf(response: RestResponse): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of response.body as AsyncIterable<string>) {
    parts.push(part);
  }
  return parts;
}

const sse = { headers: { accept: "text/event-stream" } };

describe("a stream", () => {
  test("has a line for each message", async () => {
    const response = await testLibrary(() => stream(2)).ask("GET /v1/books:watch");
    expect(response.headers["content-type"]).toBe("application/x-ndjson");
    const lines = (await textOf(response)).join("").split("\n");
    expect(lines.map((line) => line && JSON.parse(line).position)).toEqual(["p1", "p2", ""]);
  });

  test("is server-sent events with the position as id if the client accepts them", async () => {
    const response = await testLibrary(() => stream(1)).ask("GET /v1/books:watch", sse);
    expect(response.headers["content-type"]).toBe("text/event-stream");
    const [opening, event] = await textOf(response);
    expect(opening).toBe("retry: 1000\n\n");
    expect(event).toMatch(/^id: p1\ndata: \{.*"position":"p1"\}\n\n$/);
  });

  test("never lets a position inject a line", async () => {
    async function* evil() {
      yield book("a\ndata: forged");
    }
    const [, event] = await textOf(await testLibrary(evil).ask("GET /v1/books:watch", sse));
    expect(event).not.toMatch(/^data: forged/m);
    expect(event).not.toContain("id:");
  });

  test("resumes after Last-Event-ID, unless the request sets a position", async () => {
    const library = testLibrary(() => stream(0));
    await library.ask("GET /v1/books:watch", { headers: { "last-event-id": "p7" } });
    await library.ask("GET /v1/books:watch?after_position=p3", { headers: { "last-event-id": "p7" } });
    expect(library.calls.map(({ message }) => (message as unknown as { afterPosition: string }).afterPosition)).toEqual(
      ["p7", "p3"],
    );
  });

  test("is an error with its HTTP status if it fails before the first message", async () => {
    const error = new ConnectError("gone", Code.OutOfRange);
    const response = await testLibrary(() => stream(0, error)).ask("GET /v1/books:watch", sse);
    expect(response.status).toBe(400);
    expect(jsonOf(response)).toEqual({ error: { code: 400, status: "OUT_OF_RANGE", message: "gone" } });
  });

  test("ends with the error if it fails later", async () => {
    const library = testLibrary(() => stream(1, new ConnectError("down", Code.Unavailable)));
    const error = { error: { code: 503, status: "UNAVAILABLE", message: "down" } };
    const lines = await textOf(await library.ask("GET /v1/books:watch"));
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual(error);
    const events = await textOf(await library.ask("GET /v1/books:watch", sse));
    expect(events.at(-1)).toBe(`event: error\ndata: ${JSON.stringify(error)}\n\n`);
  });

  test("sends heartbeats while idle, and cancels the call when the client disconnects", async () => {
    const library = testLibrary(silence, { heartbeatMs: 5, openingMs: 1 });
    const response = await library.ask("GET /v1/books:watch", sse);
    const parts = (response.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    expect((await parts.next()).value).toBe("retry: 1000\n\n");
    expect((await parts.next()).value).toBe(":\n\n");
    expect((await parts.next()).value).toBe(":\n\n");
    await parts.return?.();
    expect(library.calls[0]?.options.signal?.aborted).toBe(true);
  });

  test("is cancelled when the client disconnects during a long wait", async () => {
    const library = testLibrary(silence, { heartbeatMs: 60_000, openingMs: 1 });
    const response = await library.ask("GET /v1/books:watch");
    const parts = (response.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    const waiting = parts.next();
    await parts.return?.();
    await waiting;
    expect(library.calls[0]?.options.signal?.aborted).toBe(true);
  });

  test("is read no faster than the client reads", async () => {
    let made = 0;
    async function* endless() {
      while (true) {
        yield book(`p${++made}`);
      }
    }
    const response = await testLibrary(endless).ask("GET /v1/books:watch");
    const parts = (response.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    await parts.next();
    await parts.next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(made).toBeLessThanOrEqual(3);
    await parts.return?.();
  });

  test("is not called for HEAD", async () => {
    const library = testLibrary(silence);
    const response = await library.ask("HEAD /v1/books:watch", sse);
    expect([response.status, response.headers["content-type"], response.body]).toEqual([200, "text/event-stream", ""]);
    expect(library.calls).toEqual([]);
  });
});

describe("the Fetch handler", () => {
  test("handles a unary call and an invalid body", async () => {
    const handle = createFetchHandler(testLibrary().transcoder);
    const response = await handle(new Request("http://x/v1/shelves/1"));
    expect([response.status, await response.json()]).toEqual([200, { name: "", size: 0 }]);
    const request = new Request("http://x/v1/shelves/1/books", {
      method: "POST",
      body: "{",
      headers: { "content-type": "application/json" },
    });
    expect((await handle(request)).status).toBe(400);
  });

  test("streams, and cancels the call when the reader cancels", async () => {
    const library = testLibrary(async function* (call) {
      yield* stream(1);
      yield* silence(call);
    });
    const response = await createFetchHandler(library.transcoder)(new Request("http://x/v1/books:watch"));
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("p1");
    await reader?.cancel();
    expect(library.calls[0]?.options.signal?.aborted).toBe(true);
  });
});
