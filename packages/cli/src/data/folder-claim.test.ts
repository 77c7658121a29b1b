import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileLock } from "./file-lock.ts";
import { DataFolderInUseError, FolderClaim } from "./folder-claim.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-claim-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a file's lock", () => {
  it("has one owner, until it is released", () => {
    const path = join(folder, "a.lock");
    const first = FileLock.tryAcquire(path);
    expect(first).toBeDefined();
    expect(FileLock.tryAcquire(path)).toBeUndefined();
    first?.release();
    first?.release();
    const second = FileLock.tryAcquire(path);
    expect(second).toBeDefined();
    second?.release();
  });

  it("is released when its owner's process ends, even by SIGKILL", async () => {
    const path = join(folder, "a.lock");
    const module = new URL("./file-lock.ts", import.meta.url).href;
    const code = `const { FileLock } = await import(${JSON.stringify(module)});
      globalThis.lock = FileLock.tryAcquire(${JSON.stringify(path)}); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    expect(FileLock.tryAcquire(path)).toBeUndefined();
    holder.kill("SIGKILL");
    await once(holder, "exit");
    const lock = FileLock.tryAcquire(path);
    expect(lock).toBeDefined();
    lock?.release();
  });
});

describe("a data folder", () => {
  const service = (name: string, database = true) => ({ name, database, port: 1, main: "", contracts: [], calls: [] });
  const [user, product, order, echo] = [service("user"), service("product"), service("order"), service("echo", false)];
  const all = [user, product, order, echo];
  const record = (stack: string, portOffset = 0) => ({
    stack,
    pid: process.pid,
    command: `parley ${stack}`,
    portOffset,
  });
  const take = (stack: string, services: typeof all, portOffset = 0) =>
    FolderClaim.take(folder, { services, all, record: record(stack, portOffset) });

  it("has one stack, which a second one reports", async () => {
    const first = await take("first", all);
    await expect(take("second", [user, order])).rejects.toThrow(
      `The data folder ${folder} is in use: process ${process.pid} (parley first) runs user, order with it.`,
    );
    await first.release(all);
    await (await take("second", all)).release(all);
  });

  it("is not shared by two stacks with different ports, whatever services they run", async () => {
    const first = await take("first", [user]);
    await expect(take("second", [product], 100)).rejects.toThrow(DataFolderInUseError);
    const part = await take("part", [product]);
    await part.release(all);
    await first.release(all);
  });

  it("is irrelevant for services without a database", async () => {
    const first = await take("first", [user, echo]);
    const second = await take("second", [echo], 100);
    await second.release(all);
    await first.release(all);
  });

  it("accepts a restarted service, which then belongs to its stack", async () => {
    const first = await take("first", [user, product]);
    first.releaseService("product");
    const restarted = await take("restarted", [product]);
    expect(restarted.restartedFor).toMatchObject({ stack: "first" });
    expect(await restarted.isRunning(record("first"), all)).toBe(true);
    await first.release(all);
    expect(await restarted.isRunning(record("first"), all)).toBe(false);
    await restarted.release(all);
  });

  it("does not bind a service to a stack that has ended, or never ran it", async () => {
    const first = await take("first", [user, product]);
    const other = await take("other", [order]);
    expect(other.restartedFor).toBeUndefined();
    await other.release(all);
    first.releaseService("product");
    await first.release(all);
    const later = await take("later", [product]);
    expect(later.restartedFor).toBeUndefined();
    await later.release(all);
  });

  it("uses the locks, not the record of a crashed stack, even if another process has its id now", async () => {
    await (await take("first", [user])).release(all);
    // A crash leaves only a record; its process id is in use, by this test.
    writeFileSync(join(folder, "locks", "user.json"), JSON.stringify(record("crashed")));
    writeFileSync(join(folder, "locks", "product.json"), '{"stack":');
    const next = await take("next", [user, product]);
    expect(next.restartedFor).toBeUndefined();
    await next.release(all);
    expect(readdirSync(join(folder, "locks")).filter((name) => name.endsWith(".json"))).toEqual([]);
  });

  it("is claimed by exactly one of many stacks that start at once", async () => {
    const starts = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => take(`s${index}`, all)));
    const won = starts.filter((start) => start.status === "fulfilled");
    expect(won).toHaveLength(1);
    for (const { value } of won) {
      await value.release(all);
    }
  });
});
