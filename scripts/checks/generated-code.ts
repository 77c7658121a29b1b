import { join } from "node:path";
import { compareGenerated, generateInto } from "../generated-code.ts";
import { root } from "../run-command.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import type { CheckResult } from "./check-result.ts";

/** Generates anew, elsewhere, and compares: gen/ is what proto/ says, with nothing left over. */
export function generatedCode(): Promise<CheckResult> {
  return withTemporaryFolder(async (folder) => {
    try {
      await generateInto(folder);
    } catch (error) {
      return { passed: false, output: error instanceof Error ? error.message : String(error) };
    }
    const differences = await compareGenerated(folder, join(root, "gen"));
    return {
      passed: differences.length === 0,
      output: differences.map(({ path, kind }) => `${kind}: gen/${path}`).join("\n"),
    };
  });
}
