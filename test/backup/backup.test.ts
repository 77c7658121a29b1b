// The guide's way to back up and restore (docs/running.md, "Backup and restore"), with real stacks.
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianBinaries, type PostgresServer, startPostgresServer } from "@parley/store/postgres-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parleyFor } from "../e2e/parley.ts";
import { npmStart, type RunningStack } from "../e2e/running-stack.ts";
import { type Shop, shopAt } from "./shop.ts";

const run = promisify(execFile);
/** Three starts of a whole stack, on a machine that may be busy. */
const testMs = 240_000;
const buyersCount = 4;
const databases = ["order", "product", "user", "notification"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-backup-"));
  // The PostgreSQL server runs as another user if this one is root.
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function shopOf({ portOffset }: RunningStack): Shop {
  return shopAt(`http://127.0.0.1:${8080 + portOffset}`);
}

/** Runs the work without calls from outside, as the guide says. */
async function withoutGateway(stack: RunningStack, work: () => Promise<void>): Promise<void> {
  const { run: parley } = parleyFor(stack.portOffset);
  const control = async (verb: string) => {
    const { code, output, errorOutput } = await parley(verb, "gateway", "--data", stack.dataFolder);
    expect(`${output}${errorOutput}`, verb).toContain("gateway");
    expect(code).toBe(0);
  };
  await control("stop");
  await work();
  await control("start");
}

describe("SQLite", () => {
  async function backUp(stack: RunningStack, to: string): Promise<void> {
    const { code, output, errorOutput } = await parleyFor(stack.portOffset).run(
      "backup",
      "--data",
      stack.dataFolder,
      "--to",
      to,
    );
    expect(`${output}${errorOutput}`).toContain("The databases are copied.");
    expect(code).toBe(0);
  }

  it("restores the data of the backup, and a backup under load is safe", { timeout: testMs }, async () => {
    const [quiet, busy] = [join(folder, "quiet"), join(folder, "busy")];
    const stack = await npmStart(["--log-level", "warn"]);
    const shop = shopOf(stack);
    const initial = await shop.restock();
    const before = [await shop.order(), await shop.order({ quantity: 3 })];
    const known = await shop.knowSettled();
    await withoutGateway(stack, () => backUp(stack, quiet));
    // Buyers continue while the second one is made.
    let [isOver, inTime] = [false, await shop.order()];
    const after: string[] = [];
    const buyers = Array.from({ length: buyersCount }, async () => {
      while (!isOver) after.push((await shop.order()).id);
    });
    inTime = await shop.order();
    await backUp(stack, busy);
    isOver = true;
    await Promise.all(buyers);
    await stack.dispose();

    const restored = await npmStart(["--log-level", "warn", "--data", quiet]);
    try {
      expect(await shopOf(restored).knowSettled()).toEqual(known);
      expect(new Set(Object.values(known.notifications))).toEqual(new Set([1]));
      // Request ids are known too: a repeated order is the same one.
      expect(await shopOf(restored).order(before[1])).toEqual(before[1]);
      expect((await shopOf(restored).know()).stock).toBe(known.stock);
    } finally {
      await restored.dispose();
    }

    const restoredBusy = await npmStart(["--log-level", "warn", "--data", busy]);
    try {
      const { orders, stock, notifications } = await shopOf(restoredBusy).knowSettled();
      expect(Object.keys(orders)).toEqual(expect.arrayContaining([...before.map(({ id }) => id), inTime.id]));
      expect(Object.values(orders)).toEqual(Object.keys(orders).map(() => "ORDER_STATE_CONFIRMED"));
      // An order that was on its way when its database was copied is confirmed once more, and its buyer notified once more.
      expect(Object.values(notifications).filter((count) => count > 1).length).toBeLessThanOrEqual(buyersCount);
      expect(Math.max(...Object.values(notifications))).toBeLessThanOrEqual(2);
      // No unit is sold twice. Orders that came while the copies were made may be missing while their units are still reserved.
      const sold = Object.keys(orders).length + 2;
      const gone = after.filter((id) => !(id in orders)).length;
      expect(stock).toBeLessThanOrEqual(initial - sold);
      expect(stock).toBeGreaterThanOrEqual(initial - sold - gone);
    } finally {
      await restoredBusy.dispose();
    }
  });
});

const binaries = debianBinaries();
describe.skipIf(binaries === undefined)(
  "PostgreSQL, by pg_dump and pg_restore (left out without Debian's postgresql)",
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      if (binaries !== undefined) server = await startPostgresServer({ binaries, durable: false });
    }, testMs);
    afterAll(() => server?.stop());

    const variables = (prefix: string) => ({
      SIGNING_KEY_SECRET: "the secret of the backup test, long enough",
      SAMPLE_DATA: "true",
      ...Object.fromEntries(
        databases.map((name) => [`${name.toUpperCase()}_DATABASE_URL`, server.url(`${prefix}${name}`)]),
      ),
    });
    const program = (name: string, ...args: string[]) => run(join(binaries?.folder ?? "", name), args);

    it("restores the data of the backup", { timeout: testMs }, async () => {
      for (const name of databases) await server.createDatabase(name);
      const stack = await npmStart(["--log-level", "warn"], variables(""));
      const shop = shopOf(stack);
      const before = [await shop.order(), await shop.order({ quantity: 3 })];
      const known = await shop.knowSettled();
      await withoutGateway(stack, async () => {
        for (const name of databases) {
          await program("pg_dump", "--format=custom", `--file=${join(folder, `${name}.dump`)}`, server.url(name));
        }
      });
      await shop.order();
      await stack.dispose();

      for (const name of databases) {
        await server.createDatabase(`restored_${name}`);
        await program(
          "pg_restore",
          "--exit-on-error",
          "--no-owner",
          `--dbname=${server.url(`restored_${name}`)}`,
          join(folder, `${name}.dump`),
        );
      }
      const restored = await npmStart(["--log-level", "warn"], variables("restored_"));
      try {
        expect(await shopOf(restored).knowSettled()).toEqual(known);
        expect(await shopOf(restored).order(before[1])).toEqual(before[1]);
      } finally {
        await restored.dispose();
      }
    });
  },
);
