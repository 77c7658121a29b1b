import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createFetchHandler } from "./fetch-handler.ts";
import { jsonOf, testLibrary } from "./testing/library.ts";

const image = Uint8Array.from({ length: 300 }, (_, index) => index % 256);

function outputOf(method: string, fields: object): Message {
  const { output } = testLibrary().service.methods.find(({ name }) => name === method) ?? {};
  return create(output as DescMessage, fields as never);
}

describe("google.api.HttpBody", () => {
  test("in a request is the raw body and its content type; the other fields come from path and query", async () => {
    const library = testLibrary();
    const headers = { "content-type": "image/png" };
    await library.ask("PUT /v1/covers/7?title=T", { body: image, headers });
    expect(library.calls[0]?.message).toMatchObject({
      id: "7",
      title: "T",
      image: { contentType: "image/png", data: image },
    });
  });

  test("may be the whole request message", async () => {
    const library = testLibrary();
    await library.ask("POST /v1/pages:print", {
      body: "not { json",
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
    const data = new TextEncoder().encode("not { json");
    expect(library.calls[0]?.message).toMatchObject({ contentType: "text/plain; charset=utf-8", data });
  });

  test("in a request may be empty and have no content type", async () => {
    const library = testLibrary();
    await library.ask("PUT /v1/covers/7");
    expect(library.calls[0]?.message).toMatchObject({
      image: { contentType: "application/octet-stream", data: new Uint8Array(0) },
    });
  });

  test("in a response is the raw body, with its content type", async () => {
    const library = testLibrary(() => outputOf("PutCover", { contentType: "image/png", data: image }));
    const response = await library.ask("PUT /v1/covers/7", { body: image });
    expect(response.headers["content-type"]).toBe("image/png");
    expect(response.body).toEqual(image);
  });

  test("as a field of a response is the body if response_body names it, and empty if it is unset", async () => {
    const whole = testLibrary(() =>
      outputOf("PrintPage", { id: "x", image: { contentType: "text/csv", data: image } }),
    );
    const response = await whole.ask("POST /v1/pages:print", { body: "x" });
    expect([response.headers["content-type"], response.body]).toEqual(["text/csv", image]);
    const unset = await testLibrary(() => outputOf("PrintPage", {})).ask("POST /v1/pages:print", { body: "x" });
    expect([unset.headers["content-type"], unset.body]).toEqual(["application/octet-stream", new Uint8Array(0)]);
  });

  test("never writes an invalid character into a header", async () => {
    for (const contentType of ["", "a/b\r\nset-cookie: x", "bild/größe\u0000"]) {
      const library = testLibrary(() => outputOf("PutCover", { contentType, data: image }));
      const { headers } = await library.ask("PUT /v1/covers/7", { body: image });
      expect(headers["content-type"]).toBe("application/octet-stream");
    }
  });

  test("as a stream is the concatenated bytes, with the first message's content type", async () => {
    async function* parts() {
      yield outputOf("ReadCover", { contentType: "image/png", data: image.slice(0, 100) });
      yield outputOf("ReadCover", { data: image.slice(100) });
    }
    const library = testLibrary(parts);
    const response = await createFetchHandler(library.transcoder)(new Request("http://a/v1/covers/7:read"));
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(image);
  });

  test("as a stream is an HTTP error before the first bytes, and is aborted by an error after them", async () => {
    async function* failing(yields: boolean) {
      if (yields) {
        yield outputOf("ReadCover", { data: image });
      }
      throw new ConnectError("no cover", Code.NotFound);
    }
    const early = await testLibrary(() => failing(false)).ask("GET /v1/covers/7:read");
    expect([early.status, jsonOf(early)]).toMatchObject([404, { error: { status: "NOT_FOUND" } }]);
    const late = await createFetchHandler(testLibrary(() => failing(true)).transcoder)(
      new Request("http://a/v1/covers/7:read"),
    );
    await expect(late.arrayBuffer()).rejects.toThrow();
  });

  test("is raw bytes in a Fetch handler, too", async () => {
    const library = testLibrary(() => outputOf("PutCover", { contentType: "image/png", data: image }));
    const response = await createFetchHandler(library.transcoder)(
      new Request("http://a/v1/covers/7", { method: "PUT", body: image }),
    );
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(image);
  });
});
