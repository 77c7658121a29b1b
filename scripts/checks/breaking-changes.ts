import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { root, runCommand } from "../run-command.ts";
import { withTemporaryFolder } from "../temporary-folder.ts";
import type { CheckResult } from "./check-result.ts";

/** The branches with the published contracts: the local main branch, or that of the clone's origin. */
const baselines = ["main", "origin/main"];

/** Compares the contracts with those of main, at buf's level WIRE_JSON: neither the bytes nor the JSON may break. */
export async function breakingChanges(): Promise<CheckResult> {
  const baseline = await findBaseline();
  if (baseline === undefined) {
    return { passed: true, output: "Left out: there is no main branch to compare with." };
  }
  return withTemporaryFolder(async (folder) => {
    const archive = join(folder, "main.tar");
    const unpacked = await inOrder([
      ["git", ["archive", "--output", archive, baseline, ...(await contractPaths(baseline))]],
      ["tar", ["-xf", archive, "-C", folder]],
    ]);
    if (unpacked !== undefined) {
      return { passed: false, output: unpacked };
    }
    // Contracts from before standard/ existed imported files from npm packages, which are not in git. A junction on Windows needs no
    // special permission; other systems ignore the type.
    await symlink(join(root, "node_modules"), join(folder, "node_modules"), "junction");
    const { code, output } = await runCommand("buf", ["breaking", "proto", "--against", join(folder, "proto")]);
    return code === 0 ? { passed: true } : { passed: false, output };
  });
}

/** The paths of a commit that `buf` reads. Commits from before standard/ existed read imports from npm packages. */
async function contractPaths(baseline: string): Promise<readonly string[]> {
  const { code } = await runCommand("git", ["rev-parse", "--verify", "--quiet", `${baseline}:standard`]);
  return ["proto", "buf.yaml", ...(code === 0 ? ["standard"] : [])];
}

async function findBaseline(): Promise<string | undefined> {
  for (const baseline of baselines) {
    const { code } = await runCommand("git", ["rev-parse", "--verify", "--quiet", `${baseline}:proto`]);
    if (code === 0) {
      return baseline;
    }
  }
  return undefined;
}

/** Runs commands until one fails. Returns its output, or undefined if all succeed. */
async function inOrder(commands: readonly (readonly [string, readonly string[]])[]): Promise<string | undefined> {
  for (const [program, args] of commands) {
    const { code, output } = await runCommand(program, args);
    if (code !== 0) {
      return `${program} ${args.join(" ")} failed:\n${output}`;
    }
  }
  return undefined;
}
