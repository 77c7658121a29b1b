// `npm run check`: runs every static check. Prints one line for each check and the output of failed ones. Exits with 1 if any
// failed.
import { styleText } from "node:util";
import { breakingChanges } from "./checks/breaking-changes.ts";
import type { CheckResult } from "./checks/check-result.ts";
import { consoleSize } from "./checks/console-size.ts";
import { generatedDashboards } from "./checks/dashboards.ts";
import { dependencyRule } from "./checks/dependency-rule.ts";
import { generatedCode } from "./checks/generated-code.ts";
import { implementedServices } from "./checks/implemented-services.ts";
import { lockFile } from "./checks/lock-file.ts";
import { packageScripts } from "./checks/package-scripts.ts";
import { plainWords } from "./checks/plain-words.ts";
import { versions } from "./checks/versions.ts";
import { root, runCommand } from "./run-command.ts";

interface Check {
  readonly name: string;
  /** How to fix a failure. */
  readonly repair: string;
  readonly run: () => Promise<CheckResult>;
}

/** tsc's incremental build information, keyed by file content. It saves four of five seconds of CPU time. */
const typesSeen = "node_modules/.cache/parley/check.tsbuildinfo";

const checks: readonly Check[] = [
  command("format and lint", "npm run fix", "biome", ["ci", "--colors=off", "--error-on-warnings", "."]),
  command("types", "tsc -p . shows them again", "tsc", ["-p", ".", "--incremental", "--tsBuildInfoFile", typesSeen]),
  command("types of the console", "tsc -p packages/console shows them again", "tsc", [
    "-p",
    "packages/console",
    "--incremental",
    "--tsBuildInfoFile",
    "node_modules/.cache/parley/console.tsbuildinfo",
  ]),
  command("types of the console's tests", "tsc -p test/console shows them again", "tsc", [
    "-p",
    "test/console",
    "--incremental",
    "--tsBuildInfoFile",
    "node_modules/.cache/parley/console-tests.tsbuildinfo",
  ]),
  { name: "size of the console", repair: "load less, or load it later", run: consoleSize },
  command("contracts: lint", "buf lint shows them again", "buf", ["lint"]),
  command("contracts: format", "npx buf format -w proto", "buf", ["format", "--diff", "--exit-code", "proto"]),
  { name: "contracts: nothing breaks", repair: "keep what is published; add beside it", run: breakingChanges },
  { name: "generated code is up to date", repair: "npm run generate", run: generatedCode },
  { name: "dashboards are up to date", repair: "npm run dashboards", run: generatedDashboards },
  { name: "services are implemented", repair: "implement them, see CONTRIBUTING.md", run: implementedServices },
  { name: "scripts run in every shell", repair: "put the work into a .ts file that node runs", run: packageScripts },
  { name: "versions move together", repair: "npm run set-version -- <version>", run: versions },
  { name: "lock file is complete", repair: "add the packages to package-lock.json", run: lockFile },
  { name: "plain words", repair: "name the subject of the sentence, see CONTRIBUTING.md", run: plainWords },
  { name: "dependency rule", repair: "docs/architecture.md lists the allowed imports", run: dependencyRule },
];

let failed = 0;
// Checks run concurrently and are reported in order: most of them wait for a child process.
const running = checks.map(async (check) => {
  const beganAt = performance.now();
  const { passed, output = "" } = await check.run();
  return { ...check, passed, output, tookMs: performance.now() - beganAt };
});
for (const result of running) {
  const { name, repair, passed, output, tookMs } = await result;
  const took = styleText("dim", `${(tookMs / 1_000).toFixed(1)} s`);
  console.log(`${passed ? styleText("green", "✓") : styleText("red", "✗")} ${name} ${took}`);
  if (!passed) {
    failed += 1;
    console.log(`${indented(output)}\n  ${styleText("yellow", `To repair it: ${repair}`)}`);
  } else if (output !== "") {
    console.log(indented(output));
  }
}
console.log(`${checks.length - failed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function command(name: string, repair: string, program: string, args: readonly string[]): Check {
  return {
    name,
    repair,
    async run() {
      const { code, output } = await runCommand(program, args, root);
      return code === 0 ? { passed: true } : { passed: false, output };
    },
  };
}

function indented(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
