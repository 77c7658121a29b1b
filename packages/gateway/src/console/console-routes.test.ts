import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fastify, type InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { consoleRoutes } from "./console-routes.ts";

const folder = await mkdtemp(join(tmpdir(), "parley-console-"));
const file = { name: "console-abc.js", type: "text/javascript; charset=utf-8", bytes: 5, gzipBytes: 25, first: true };
const page = { sourceHash: "1", folder, html: "<!doctype html>", files: [file] };
const controlFile = join(folder, "stack.json");
const session = { signIn: false, payloads: false, services: [] };

const [built, unbuilt, uncontrolled] = [fastify(), fastify(), fastify()];
consoleRoutes(built, { session, stackControlFile: controlFile, readPage: async () => page });
consoleRoutes(unbuilt, { session, readPage: async () => undefined });
consoleRoutes(uncontrolled, { session, readPage: async () => page });

const html = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const ownPage = { host: "localhost:8080", "sec-fetch-site": "same-origin" };

beforeAll(async () => {
  await writeFile(join(folder, file.name), "plain");
  await writeFile(join(folder, `${file.name}.gz`), gzipSync("plain"));
  await writeFile(controlFile, JSON.stringify({ url: "http://127.0.0.1:9", token: "secret", pid: 1 }));
});

afterAll(async () => {
  await Promise.all([built.close(), unbuilt.close(), uncontrolled.close()]);
  await rm(folder, { recursive: true });
});

describe("the gateway's root", () => {
  it("returns the page to a browser, with a content security policy that allows only its own origin", async () => {
    const { statusCode, headers, body } = await built.inject({ url: "/", headers: html });
    expect([statusCode, body]).toEqual([200, page.html]);
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
    expect(headers).toMatchObject({ "cache-control": "no-cache", vary: "accept" });
  });

  it.each([{ accept: "*/*" }, { accept: "application/json" }, {}])(
    "returns a short text with addresses for %j",
    async (headers) => {
      const {
        statusCode,
        headers: answered,
        body,
      } = await built.inject({ url: "/", headers: { ...headers, host: "shop.example" } });
      expect([statusCode, answered["content-type"]]).toEqual([200, "text/plain; charset=utf-8"]);
      expect(body).toContain("http://shop.example/openapi.json");
    },
  );

  it("says how to build the page if it was not built", async () => {
    const { statusCode, body } = await unbuilt.inject({ url: "/", headers: html });
    expect(statusCode).toBe(503);
    expect(body).toContain("npm run build:console");
  });
});

describe("the page's files", () => {
  it("may be cached for a year, and are compressed if the browser accepts gzip", async () => {
    const zipped = await built.inject({ url: `/console/${file.name}`, headers: { "accept-encoding": "gzip, br" } });
    expect(zipped.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "content-encoding": "gzip",
      "content-type": file.type,
    });
    const plain = await built.inject({ url: `/console/${file.name}` });
    expect([plain.body, plain.headers["content-encoding"]]).toEqual(["plain", undefined]);
  });

  it.each(["other.js", "..%2fstack.json", "stack.json", "console-abc.js.gz"])(
    "are only those of the build: %s is 404",
    async (name) => {
      expect((await built.inject({ url: `/console/${name}` })).statusCode).toBe(404);
    },
  );

  it("include the contracts, which return 304 for a matching If-None-Match", async () => {
    const first = await built.inject({ url: "/console/contracts.binpb" });
    expect(first.rawPayload.length).toBeGreaterThan(10_000);
    const again = await built.inject({
      url: "/console/contracts.binpb",
      headers: { "if-none-match": String(first.headers.etag) },
    });
    expect(again.statusCode).toBe(304);
  });
});

describe("the token that starts and stops services", () => {
  const ask = async (app: typeof built, options: InjectOptions) =>
    (await app.inject({ url: "/console/session.json", ...options })).json();

  it("is sent to the gateway's own page on this machine", async () => {
    expect(await ask(built, { headers: ownPage })).toEqual({ ...session, stack: { token: "secret" } });
  });

  it.each<[string, InjectOptions]>([
    ["a page of another site", { headers: { ...ownPage, "sec-fetch-site": "cross-site" } }],
    ["another local page", { headers: { ...ownPage, "sec-fetch-site": "same-site" } }],
    ["a typed address", { headers: { ...ownPage, "sec-fetch-site": "none" } }],
    ["a client that is not a browser", { headers: { host: "localhost:8080" } }],
    [
      "a host name that resolves to this machine (DNS rebinding)",
      { headers: { ...ownPage, host: "evil.example:8080" } },
    ],
    ["a proxy", { headers: { ...ownPage, "x-forwarded-for": "203.0.113.7" } }],
    ["another machine", { headers: ownPage, remoteAddress: "203.0.113.7" }],
  ])("is not sent to %s", async (_name, options) => {
    expect(await ask(built, options)).toEqual(session);
    const call = await built.inject({
      method: "POST",
      url: "/console/stack/stack.v1.StackService/KillProcess",
      ...options,
      payload: "{}",
    });
    expect(call.statusCode).toBe(404);
  });

  it("is not sent if the gateway may not control the stack", async () => {
    expect(await ask(uncontrolled, { headers: ownPage })).toEqual(session);
  });
});
