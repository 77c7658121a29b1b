import { join } from "node:path";
import { staleDeploymentFiles } from "../deploy/files.ts";
import { compareGenerated, generateInto } from "../generated-code.ts";
import { root } from "../run-command.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import type { CheckResult } from "./check-result.ts";

/**
 * Generates the code into a temporary folder and compares: gen/ matches proto/ without stale files, and the deployment files
 * name every service.
 */
export function generatedCode(): Promise<CheckResult> {
  return withTemporaryFolder(async (folder) => {
    try {
      await generateInto(folder);
    } catch (error) {
      return { passed: false, output: error instanceof Error ? error.message : String(error) };
    }
    const differences = await compareGenerated(folder, join(root, "gen"));
    const stale = [...(await staleDeploymentFiles(root, join(folder, "gen"))).keys()];
    const lines = [
      ...differences.map(({ path, kind }) => `${kind}: gen/${path}`),
      ...stale.map((path) => `changed: ${path}`),
    ];
    return { passed: lines.length === 0, output: lines.join("\n") };
  });
}
