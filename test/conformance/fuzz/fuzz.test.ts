import { afterAll, beforeAll, expect, it } from "vitest";
import { comparePaths } from "./compare.ts";
import { outcomeOf } from "./outcome.ts";
import { createSender } from "./send.ts";
import { serveTwoPaths, type TwoPaths } from "./two-paths.ts";

let paths: TwoPaths;

beforeAll(async () => {
  paths = await serveTwoPaths();
});

afterAll(() => paths.close());

it("responds to 20,000 mutated requests like the stock path, and leaks no memory", {
  timeout: 120_000,
}, async () => {
  const heapBefore = process.memoryUsage().heapUsed;
  const differences = await comparePaths(paths, { firstSeed: 1, count: 20_000, atOnce: 64 });
  expect(differences).toEqual([]);
  await expect.poll(() => paths.callsInFlight()).toEqual([0, 0]);
  // A leak of a hundred bytes per request would be 2 MB; of whole requests, more than 20 MB.
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(150e6);
});

it("reports a server with different responses", async () => {
  const other = await serveTwoPaths();
  const wrong = { fast: other.fast, stock: { ...paths.stock, url: `${paths.stock.url}/elsewhere` } };
  const differences = await comparePaths(wrong, { firstSeed: 1, count: 50 });
  expect(differences.length).toBeGreaterThan(0);
  await other.close();
});

it("compares two different paths: only the fast one responds to gRPC without a date header", async () => {
  const request = {
    httpVersion: 2 as const,
    method: "POST",
    path: "/echo.v1.EchoService/Echo",
    headers: { "content-type": "application/grpc", te: "trailers" },
    chunks: [Buffer.from([0, 0, 0, 0, 0])],
  };
  const senders = [createSender(paths.fast.url), createSender(paths.stock.url)];
  const [fast, stock] = await Promise.all(senders.map((sender) => sender.send(request)));
  expect(fast && outcomeOf(request, fast)).toEqual(stock && outcomeOf(request, stock));
  expect(fast?.headers.date).toBeUndefined();
  expect(stock?.headers.date).toBeDefined();
  for (const sender of senders) {
    sender.close();
  }
});
