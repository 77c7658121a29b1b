import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fetchKeys } from "./fetch-keys.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function answering(listener: RequestListener): Promise<URL> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks.json`);
}

test("returns the published keys", async () => {
  const url = await answering((_request, response) => response.end('{"keys":[]}'));
  expect(await fetchKeys(url)).toEqual({ keys: [] });
});

test.each<[string, RequestListener, string]>([
  ["an error", (_request, response) => response.writeHead(503).end(), "responded with status 503"],
  ["a redirect", (_request, response) => response.writeHead(302, { location: "http://127.0.0.1/" }).end(), "302"],
  ["a page", (_request, response) => response.end("<html>"), "did not return a JWK Set"],
  ["a body without end", (_request, response) => response.write("x".repeat(100_000)), "more than 65536 bytes"],
  ["half", (_request, response) => response.write('{"keys":', () => response.destroy()), "aborted"],
  ["a closed connection", (_request, response) => response.destroy(), "hang up"],
])("fails if the response is %s", async (_what, listener, words) => {
  await expect(fetchKeys(await answering(listener))).rejects.toThrow(words);
});

test("fails without a response in time", async () => {
  const url = await answering(() => {});
  await expect(fetchKeys(url)).rejects.toThrow();
}, 10_000);
