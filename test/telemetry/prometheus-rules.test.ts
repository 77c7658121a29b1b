// The files in deploy/ for Prometheus and Grafana. Tests that need promtool are skipped without it.
import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "deploy/prometheus");
const alerts = readFileSync(join(folder, "rules/alerts.yml"), "utf8");
const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? "");
const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;
const leftOut = hasPromtool ? "" : " (left out: there is no promtool)";

it("each alert has a runbook and a test", () => {
  expect(names.length).toBeGreaterThan(10);
  const runbooks = readFileSync(join(root, "docs/runbooks.md"), "utf8");
  const tests = readFileSync(join(folder, "tests/alerts.test.yml"), "utf8");
  expect(names.filter((name) => !runbooks.includes(`\n## ${name}\n`))).toEqual([]);
  expect(names.filter((name) => !tests.includes(`alertname: ${name}\n        exp_alerts:`))).toEqual([]);
  expect([...alerts.matchAll(/runbook_url: docs\/runbooks\.md#(\w+)/g)].map(([, anchor]) => anchor)).toEqual(
    names.map((name) => name.toLowerCase()),
  );
});

describe.runIf(hasPromtool)(`promtool${leftOut}`, () => {
  it("accepts the configuration and the rules", async () => {
    const { stdout } = await run("promtool", ["check", "config", join(folder, "prometheus.yml")]);
    expect(stdout).toContain("SUCCESS");
  });

  it("sees every alert fire in its tests", async () => {
    const files = readdirSync(join(folder, "tests")).map((name) => join(folder, "tests", name));
    const { stdout } = await run("promtool", ["test", "rules", ...files]);
    expect(stdout).toContain("SUCCESS");
  });
});
