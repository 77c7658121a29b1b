// `npm run test:console`: tests the console in a real browser, against a real stack. The last line gives the totals of passed and
// failed tests.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../e2e/running-stack.ts";
import { chromiumPath } from "./chromium.ts";

if (chromiumPath() === undefined) {
  console.log(
    "Left out, since the machine has no Chromium: the console in a real browser. Debian's package is called chromium.",
  );
  console.log("0 passed, 0 failed");
} else {
  const folder = mkdtempSync(join(tmpdir(), "parley-console-"));
  const report = join(folder, "report.json");
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--config",
      "test/console/vitest.config.ts",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...process.argv.slice(2),
    ],
    { cwd: root, stdio: "inherit" },
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
