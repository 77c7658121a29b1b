import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { UsageError } from "../outcome/usage-error.ts";
import type { Repository } from "./repository.ts";

/** A tool of the repository failed. */
export class ToolError extends UsageError {
  override readonly name = "ToolError";
}

/** Formats the new files, and updates gen/. */
export async function formatAndGenerate(
  { root }: Repository,
  { contracts, sources }: { readonly contracts: readonly string[]; readonly sources: readonly string[] },
): Promise<void> {
  for (const path of contracts) {
    await runTool(root, "@bufbuild/buf", ["format", "-w", "--path", path]);
  }
  await runTool(root, "@biomejs/biome", ["check", "--write", ...sources]);
  await runTool(root, undefined, [join(root, "scripts/generate.ts")]);
}

/** Runs a program of a package in the repository's node_modules, or a script, with this Node. */
function runTool(root: string, packageName: string | undefined, args: readonly string[]): Promise<void> {
  const program = packageName === undefined ? [] : [programOf(root, packageName)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...program, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => {
      const name = packageName ?? args[0];
      if (code === 0) {
        resolve();
      } else {
        reject(new ToolError(`Nothing was changed, since ${name} failed:\n${output.trim()}`));
      }
    });
  });
}

function programOf(root: string, packageName: string): string {
  const manifest = createRequire(join(root, "package.json")).resolve(`${packageName}/package.json`);
  const { bin } = createRequire(manifest)(manifest) as { readonly bin: string | Readonly<Record<string, string>> };
  const program = typeof bin === "string" ? bin : bin[packageName.split("/").at(-1) ?? ""];
  return join(dirname(manifest), program ?? "");
}
