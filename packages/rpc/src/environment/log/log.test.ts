import { describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "./log.ts";

function recorded(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({ name: "test", logDestination: { write: (line) => lines.push(line) }, ...options });
  return { log, lines };
}

describe("a log", () => {
  it("writes an entry as one line of JSON", () => {
    const { log, lines } = recorded();
    log.info({ code: "OK" }, "two\nlines");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", name: "test", code: "OK", msg: "two\nlines" });
  });

  it("omits lines below its level", () => {
    const { log, lines } = recorded({ logLevel: "warn" });
    log.info("no");
    log.warn("yes");
    expect(lines).toHaveLength(1);
  });

  it.each([
    [{ text: "x".repeat(100_000) }],
    [{ deep: { deeper: { deepest: "x".repeat(100_000) } } }],
    [{ list: Array.from({ length: 10_000 }, () => "xxxx") }],
    [Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`key${index}`, "value"]))],
  ])("truncates a long line to a valid one", (entry) => {
    const { log, lines } = recorded();
    log.info(entry, "long");
    expect(lines[0]?.length).toBeLessThanOrEqual(8_192);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", msg: "long", truncated: true });
  });

  it("writes logfmt, with quotes only where they are needed", () => {
    const { log, lines } = recorded({ logFormat: "logfmt" });
    log.info({ code: "OK", words: 'say "hi"', empty: "", nested: { latencyMs: 1.5 }, none: null }, "a call");
    expect(lines[0]).toMatch(
      /^level=info time=\d+ name=test code=OK words="say \\"hi\\"" empty="" nested\.latencyMs=1\.5 none=null msg="a call"\n$/,
    );
  });

  it("escapes line breaks in logfmt", () => {
    const { log, lines } = recorded({ logFormat: "logfmt" });
    log.info({ user: "eve\nlevel=error", "key with=signs": 1 }, "x");
    expect(lines[0]?.trimEnd().split("\n")).toHaveLength(1);
    expect(lines[0]).toContain("key_with_signs=1");
  });
});
