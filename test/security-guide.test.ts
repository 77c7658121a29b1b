// Compares docs/security.md and docs/running.md with the limits in the code.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultLimits, limitSettings } from "@parley/rpc/server";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const security = readFileSync(join(root, "docs/security.md"), "utf8");
const running = readFileSync(join(root, "docs/running.md"), "utf8");
const settings = Object.entries(limitSettings).map(([name, { default: value }]) => [name, String(value)] as const);

describe("the limits of a server", () => {
  it("each have a setting with their default", () => {
    expect(settings.map(([, value]) => value).sort()).toEqual(Object.values(defaultLimits).map(String).sort());
  });

  it.each(settings)("%s is in docs/security.md and docs/running.md with its default %s", (name, value) => {
    for (const guide of [security, running]) {
      const rows = guide.split("\n").filter((line) => line.startsWith("|") && line.includes(`\`${name}\``));
      expect(rows.some((row) => row.trimEnd().endsWith(`| ${value} |`))).toBe(true);
    }
  });
});

it("docs/security.md names only settings that the code reads", () => {
  const code = sources().join("\n");
  const named = [...security.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g)].map((match) => match[1] ?? "");
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((name) => !code.includes(name))).toEqual([]);
});

it("docs/security.md names exactly the metrics of the limits", () => {
  const code = sources().join("\n");
  const metrics = new Set([...security.matchAll(/`(parley_[a-z_]+)`/g)].map((match) => match[1] ?? ""));
  expect([...metrics].filter((metric) => !code.includes(`"${metric}"`))).toEqual([]);
  const ofLimits = [...code.matchAll(/"(parley_server_[a-z_]*(?:refus|buffered|shed_by|places)[a-z_]*)"/g)];
  expect(ofLimits.length).toBeGreaterThanOrEqual(5);
  expect(ofLimits.map((match) => match[1] ?? "").filter((metric) => !metrics.has(metric))).toEqual([]);
});

it("docs/security.md names every limit that closes a connection", () => {
  const unions = sources().flatMap((source) => [...source.matchAll(/type (?:PeerLimit|ConnectionRefusal) =([^;]*);/g)]);
  const limits = unions.flatMap((match) => [...(match[1] ?? "").matchAll(/"([a-z_]+)"/g)].map((each) => each[1] ?? ""));
  expect(limits.length).toBeGreaterThanOrEqual(10);
  expect(limits.filter((limit) => !security.includes(`\`${limit}\``))).toEqual([]);
});

function sources(): readonly string[] {
  return readdirSync(join(root, "packages"), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name) && !entry.parentPath.includes("node_modules"),
    )
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
