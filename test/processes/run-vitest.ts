import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../e2e/running-stack.ts";

/**
 * Runs the tests of a vitest configuration, with the arguments of this process. The last line that it prints gives the totals of passed and
 * failed tests; sets the exit code.
 */
export function runVitest(config: string, variables: Readonly<Record<string, string>> = {}): void {
  const folder = mkdtempSync(join(tmpdir(), "parley-vitest-"));
  const report = join(folder, "report.json");
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--config",
      config,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...process.argv.slice(2),
    ],
    { cwd: root, stdio: "inherit", env: { ...process.env, ...variables } },
  );
  const { numPassedTests: passed, numFailedTests: failed } = totals(report);
  rmSync(folder, { recursive: true, force: true });
  console.log(`${passed} passed, ${status === 0 ? failed : Math.max(1, failed)} failed`);
  process.exitCode = status ?? 1;
}

function totals(report: string): { readonly numPassedTests: number; readonly numFailedTests: number } {
  try {
    return JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 1 };
  }
}
