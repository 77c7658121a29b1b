import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gatherLines } from "./gathered-lines.ts";

const log = fileURLToPath(new URL("log.ts", import.meta.url));

function run(program: string): string {
  const source = `import { createLog } from ${JSON.stringify(log)}; const log = createLog({ name: "test" }); ${program}`;
  return execFileSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", source], { encoding: "utf8" });
}

describe("gathered lines", () => {
  it("are written together, in order, soon after the first of them", async () => {
    const pieces: string[] = [];
    const lines = gatherLines({ write: (text) => pieces.push(text), flushSync: () => {} });
    lines.write("one\n");
    lines.write("two\n");
    expect(pieces).toEqual([]);
    await expect.poll(() => pieces).toEqual(["one\ntwo\n"]);
    lines.write("three\n");
    await expect.poll(() => pieces).toEqual(["one\ntwo\n", "three\n"]);
  });

  it("are written at once when there are many", () => {
    const pieces: string[] = [];
    const lines = gatherLines({ write: (text) => pieces.push(text), flushSync: () => {} });
    for (let line = 0; line < 200; line++) {
      lines.write(`${"x".repeat(99)}\n`);
    }
    expect(pieces).toHaveLength(1);
    expect(pieces[0]).toMatch(/^(x{99}\n)+$/);
  });

  it.each([
    ["when it has nothing more to do", ""],
    ["in between", "setTimeout(() => process.exit(0), 300);"],
  ])("are all written out by a process that ends %s", (_name, end) => {
    const text = run(`for (let i = 0; i < 500; i++) log.info({ i }, "line"); ${end}`);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).i),
    ).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it("are dropped and counted beyond 16 MiB while nothing reads them", async () => {
    const [lineCount, lineBytes] = [40_000, 1_000];
    const source = `
      import { createLog } from ${JSON.stringify(log)};
      const log = createLog({ name: "test" });
      for (let i = 0; i < ${lineCount}; i++) {
        log.info({ i, text: "x".repeat(${lineBytes}) }, "line");
        if (i % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      process.once("message", () => setTimeout(() => process.exit(), 500));
      process.send("written");`;
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", source], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    const stdout = child.stdout as NonNullable<typeof child.stdout>;
    await once(child, "message");
    const read = text(stdout);
    child.send("read");
    const lines = (await read)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { i?: number; lines?: number });
    const written = lines.filter(({ i }) => i !== undefined).length;
    const dropped = lines.reduce((sum, { lines: count = 0 }) => sum + count, 0);
    expect(written).toBeLessThan((17 * 1024 * 1024) / lineBytes);
    expect(written + dropped).toBe(lineCount);
    expect(lines.find(({ lines: count }) => count !== undefined)).toMatchObject({ name: "test", level: "warn" });
  }, 60_000);

  it("are all written by a process that exits while it writes, if not in order", () => {
    // The write in progress cannot be awaited, and the rest is written beside it.
    const lines = run('for (let i = 0; i < 500; i++) log.info({ i }, "line"); process.exit(0);').trimEnd().split("\n");
    const numbers = lines.map((line) => JSON.parse(line).i as number).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });
});
