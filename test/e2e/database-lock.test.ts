// Two processes of a service on one SQLite file: the second one refuses to start, and names the process that holds the lock.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Program } from "../processes/program.ts";
import { serviceProgram } from "../processes/service-program.ts";

let folder: string;
let first: Program;
let second: Program;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-database-lock-"));
  const order = () =>
    serviceProgram({ name: "order", main: "packages/order/src/main.ts", databasePath: join(folder, "order.db") });
  first = await order();
  second = await order();
});
afterAll(async () => {
  await Promise.all([first?.kill(), second?.kill()]);
  await rm(folder, { recursive: true, force: true });
});

const isServing = async ({ url }: Program) => (await fetch(`${url}/health`)).status === 200;

it("refuses a second order process on the file, with exit code 1 and the first one's process id", async () => {
  await first.start();
  await expect(second.start()).rejects.toThrow();
  expect(await second.ended()).toBe(1);
  expect(second.output()).toMatch(/order\.db is in use by process \d+ \(packages\/order\/src\/main\.ts, /);
  expect(await isServing(first)).toBe(true);

  await first.kill();
  await second.start();
  expect(await isServing(second)).toBe(true);
}, 60_000);
