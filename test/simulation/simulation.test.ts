import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { simulate } from "./simulate.ts";

const main = fileURLToPath(new URL("./command/main.ts", import.meta.url));
/** The maximum output: far more than one seed's history. */
const outputBytesMax = 64 * 1024 * 1024;

/** Runs `npm run simulate` without npm. */
async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const options = { maxBuffer: outputBytesMax };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], options);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, output: `${stdout}${stderr}` };
  }
}

describe("the simulation", () => {
  it("keeps every invariant in 2,000 seeds", async () => {
    const { code, output } = await run("--seeds", "2000");
    expect(output).toMatch(/2000 seeds in [\d.]+ s: 0 with violations\n$/);
    expect(code).toBe(0);
  }, 300_000);

  it("is deterministic for a seed, and differs between seeds", async () => {
    const first = [await simulate(1), await simulate(2), await simulate(3)];
    const again = [await simulate(3), await simulate(2), await simulate(1)].reverse();
    expect(again.map(({ hash }) => hash)).toEqual(first.map(({ hash }) => hash));
    expect(new Set(first.map(({ hash }) => hash)).size).toBe(3);
  });

  it("gives the same run for the same seed in another process", async () => {
    const { hash } = await simulate(7);
    const { code, output } = await run("--seed", "7");
    expect(output).toContain(`hash ${hash}`);
    expect(code).toBe(0);
  });

  it("covers the faults: crashed processes, lost, late and repeated messages, full disks, refused buyers", async () => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 20; seed++) lines.push(...(await simulate(seed)).history);
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    expect(count(/ ends \(point/)).toBeGreaterThan(5);
    expect(count(/ ends \(out of the blue/)).toBeGreaterThan(5);
    expect(count(/ ends \(as it was told to/)).toBeGreaterThan(1);
    expect(count(/is lost$/)).toBeGreaterThan(20);
    expect(count(/is lost, unnoticed/)).toBeGreaterThan(20);
    expect(count(/copy ← /)).toBeGreaterThan(20);
    expect(count(/STORE_UNAVAILABLE/)).toBeGreaterThan(2);
    expect(count(/ ends \(its disk failed/)).toBeGreaterThan(0);
    expect(count(/INSUFFICIENT_STOCK/)).toBeGreaterThan(5);
    expect(count(/REQUEST_ID_REUSED/)).toBeGreaterThan(5);
    expect(count(/DeadlineExceeded/)).toBeGreaterThan(5);
    expect(count(/order.*: answered/)).toBeGreaterThan(100);
    expect(count(/mail .*: taken, but told failed/)).toBeGreaterThan(5);
    expect(count(/mail .*: failed/)).toBeGreaterThan(5);
    expect(count(/mail .*: channel unavailable/)).toBeGreaterThan(5);
    expect(count(/, two processes of order,/)).toBeGreaterThan(0);
    expect(count(/ order-2 ends /)).toBeGreaterThan(2);
    expect(count(/disks of files/)).toBeGreaterThan(2);
  });

  it("batches concurrent calls, with the same faults as other calls", async () => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 100; seed++) lines.push(...(await simulate(seed)).history);
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    expect(count(/→ user BatchValidateUsers of ([2-9]|\d\d+) #\d+$/)).toBeGreaterThan(10);
    expect(count(/→ product BatchReserveStock of ([2-9]|\d\d+) #\d+$/)).toBeGreaterThan(10);
    expect(count(/→ product ReserveStock #\d+$/)).toBeGreaterThan(10);
    expect(count(/Batch.* ← OK/)).toBeGreaterThan(20);
    expect(count(/Batch.* is lost/)).toBeGreaterThan(0);
    expect(count(/Batch.* copy ← OK/)).toBeGreaterThan(0);
    expect(count(/Batch.* is refused/)).toBeGreaterThan(0);
    expect(count(/Batch.* ← Unimplemented/)).toBeGreaterThan(0);
  });
});

describe("a failing seed", () => {
  it("is reported with its history, its number, and the command that replays it", async () => {
    const { code, output } = await run("--bug", "4", "--seeds", "20");
    const seed = /replay: npm run simulate -- --seed (\d+) --bug 4/.exec(output)?.[1];
    expect(code).toBe(1);
    expect(output).toContain(`seed ${seed}: stock-balance: product`);
    expect(output).toContain("→ product ReserveStock #");

    const replay = await run("--seed", String(seed), "--bug", "4");
    expect(replay.code).toBe(1);
    expect(replay.output).toMatch(/VIOLATION stock-balance: product \d+: /);
  });

  it("is not searched for if the command line is invalid", async () => {
    for (const args of [["--seeds", "many"], ["--seed", "-1"], ["--bug", "999"], ["--worse"]]) {
      const { code, output } = await run(...args);
      expect([code, output.includes("npm run simulate -- [options]")]).toEqual([2, true]);
    }
  });
});
