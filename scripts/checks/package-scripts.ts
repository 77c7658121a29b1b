import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/**
 * The scripts of package.json files run in every shell that npm uses: POSIX shells, and cmd or PowerShell on Windows. Each
 * script is therefore one program with plain arguments, without shell syntax.
 */
export async function packageScripts(): Promise<CheckResult> {
  const folders = ["", ...(await readdir(join(root, "packages"))).map((name) => `packages/${name}`)];
  const programs = new Set(["node", "npm", "npx", ...(await readdir(join(root, "node_modules", ".bin")))]);
  const problems = await Promise.all(
    folders.map(async (folder) => {
      const file = `${folder === "" ? "" : `${folder}/`}package.json`;
      const { scripts = {} } = JSON.parse(await readFile(join(root, file), "utf8")) as {
        readonly scripts?: Readonly<Record<string, string>>;
      };
      return shellScripts(scripts, programs).map((problem) => `${file}: ${problem}`);
    }),
  );
  return { passed: problems.flat().length === 0, output: problems.flat().join("\n") };
}

/** The scripts that need a certain shell, with the syntax that needs it. */
export function shellScripts(
  scripts: Readonly<Record<string, string>>,
  programs: ReadonlySet<string>,
): readonly string[] {
  return Object.entries(scripts).flatMap(([name, script]) => {
    // The syntax of quotes, variables, globs, pipes, command lists, redirections and continuations differs between shells.
    const syntax = /[^\w ./:@=,+-]/.exec(script)?.[0];
    const [program = ""] = script.split(" ");
    if (syntax !== undefined) {
      return [`"${name}" uses ${JSON.stringify(syntax)}, which not every shell reads alike: ${script}`];
    }
    return programs.has(program) ? [] : [`"${name}" begins with "${program}", which is no program of npm: ${script}`];
  });
}
