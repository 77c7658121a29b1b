import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/**
 * The scripts of package.json files run in every shell that npm uses: POSIX shells, and cmd or PowerShell on Windows. So each is one
 * program with words behind it, and nothing that a shell would have to understand.
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

/** The scripts that need a certain shell, and what in them does. */
export function shellScripts(
  scripts: Readonly<Record<string, string>>,
  programs: ReadonlySet<string>,
): readonly string[] {
  return Object.entries(scripts).flatMap(([name, script]) => {
    // Quotes, variables, globs, pipes, several commands, redirections, continuations: each shell has its own.
    const syntax = /[^\w ./:@=,+-]/.exec(script)?.[0];
    const [program = ""] = script.split(" ");
    if (syntax !== undefined) {
      return [`"${name}" uses ${JSON.stringify(syntax)}, which not every shell reads alike: ${script}`];
    }
    return programs.has(program) ? [] : [`"${name}" begins with "${program}", which is no program of npm: ${script}`];
  });
}
