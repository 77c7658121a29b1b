import { describe, expect, it } from "vitest";
import { runCommand } from "./run-command.ts";
import { simulate } from "./simulate.ts";
import { serviceNames } from "./world/seams.ts";

describe("the simulation", () => {
  it("keeps every invariant in 500 seeds", async () => {
    const { code, output } = await runCommand("--seeds", "500");
    expect(output).toMatch(/500 seeds in [\d.]+ s: 0 with violations\n$/);
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
    const { code, output } = await runCommand("--seed", "7");
    expect(output).toContain(`hash ${hash}`);
    expect(code).toBe(0);
  });

  it("covers the faults: crashed processes, lost, late and repeated messages, full disks, refused buyers", async () => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 20; seed++) lines.push(...(await simulate(seed)).history);
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    expect(count(/ ends \(point/)).toBeGreaterThan(5);
    expect(count(/ ends \(killed at a random time/)).toBeGreaterThan(5);
    expect(count(/ ends \(drained after SIGTERM/)).toBeGreaterThan(1);
    expect(count(/is lost$/)).toBeGreaterThan(20);
    expect(count(/is lost, unnoticed/)).toBeGreaterThan(20);
    expect(count(/copy ← /)).toBeGreaterThan(20);
    expect(count(/STORE_UNAVAILABLE/)).toBeGreaterThan(2);
    expect(count(/ ends \(its disk failed/)).toBeGreaterThan(0);
    expect(count(/INSUFFICIENT_STOCK/)).toBeGreaterThan(5);
    expect(count(/REQUEST_ID_REUSED/)).toBeGreaterThan(5);
    expect(count(/DeadlineExceeded/)).toBeGreaterThan(5);
    expect(count(/order.*: answered/)).toBeGreaterThan(100);
    expect(count(/mail .*: accepted, but reported as failed/)).toBeGreaterThan(5);
    expect(count(/mail .*: failed/)).toBeGreaterThan(5);
    expect(count(/mail .*: channel unavailable/)).toBeGreaterThan(5);
    expect(count(/, as a guest, order.*: answered/)).toBeGreaterThan(5);
    expect(count(/, two processes of order,/)).toBeGreaterThan(0);
    expect(count(/ order-2 ends /)).toBeGreaterThan(2);
    expect(count(/disks of files/)).toBeGreaterThan(2);
  });

  it("keeps every invariant if the database server fails over and loses its last commits", async () => {
    const lines: string[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const { history, violations } = await simulate(seed, { replicated: serviceNames, losesTail: true });
      expect(violations, `seed ${seed}`).toEqual([]);
      lines.push(...history);
    }
    const count = (pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
    expect(count(/the database server fails over, and loses the commits/)).toBe(40);
    expect(count(/ [1-9]\d* answers to clients may be lost/)).toBeGreaterThan(5);
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
    const { code, output } = await runCommand("--bug", "4", "--seeds", "20");
    const seed = /replay: npm run simulate -- --seed (\d+) --bug 4/.exec(output)?.[1];
    expect(code).toBe(1);
    expect(output).toContain(`seed ${seed}: stock-balance: product`);
    expect(output).toContain("→ product ReserveStock #");

    const replay = await runCommand("--seed", String(seed), "--bug", "4");
    expect(replay.code).toBe(1);
    expect(replay.output).toMatch(/VIOLATION stock-balance: product \d+: /);
  });

  it("is not searched for if the command line is invalid", async () => {
    for (const args of [["--seeds", "many"], ["--seed", "-1"], ["--bug", "999"], ["--worse"]]) {
      const { code, output } = await runCommand(...args);
      expect([code, output.includes("npm run simulate -- [options]")]).toEqual([2, true]);
    }
  });
});
