import { buildProgram } from "@parley/console";
import { root, runCommand } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/** Builds the console and checks its size: the limits are in packages/console/src/size-report.ts. */
export async function consoleSize(): Promise<CheckResult> {
  const { code, output } = await runCommand(process.execPath, [buildProgram], root);
  const [size = ""] = output.split("\n").filter((line) => line.startsWith("JavaScript"));
  return code === 0 ? { passed: true, output: size } : { passed: false, output };
}
