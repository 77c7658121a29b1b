import { inspectArchitecture } from "../architecture/inspect.ts";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/** Checks the import rules and the file lengths. */
export async function dependencyRule(): Promise<CheckResult> {
  const violations = await inspectArchitecture(root);
  return {
    passed: violations.length === 0,
    output: violations.map(({ file, problem }) => `${file}: ${problem}`).join("\n"),
  };
}
