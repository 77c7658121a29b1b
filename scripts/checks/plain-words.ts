import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root, runCommand } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/** Words that hide the actor of a sentence. Name the caller, process, connection or lock owner instead, or say "in flight". */
const refused = /\b(?:nobody|somebody|whoever|under way)\b/i;

/** Files with prose: code for its comments and test names, contracts for their comments, pages as a whole. */
const patterns = ["*.ts", "*.tsx", "*.proto", "*.md"];

/** Refuses some words in comments, test names and pages of the files that Git knows. */
export async function plainWords(): Promise<CheckResult> {
  const { output } = await runCommand("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns]);
  const files = output.split("\n").filter((file) => file !== "" && !file.startsWith("gen/"));
  const problems = await Promise.all(
    files.map(async (file) => {
      // A file that is deleted and not committed yet is still listed.
      const text = await readFile(join(root, file), "utf8").catch(() => "");
      return hiddenActors(text, file.endsWith(".md")).map((problem) => `${file}:${problem}`);
    }),
  );
  return { passed: problems.flat().length === 0, output: problems.flat().join("\n") };
}

/** The lines of a text with a refused word, each with its number. Of code only comments and test names are read; code in backticks never is. */
export function hiddenActors(text: string, isPage: boolean): readonly string[] {
  return text.split("\n").flatMap((line, index) => {
    const isProse = isPage || /^\s*(?:\/\/|\/\*|\*)|^\s*(?:it|test|describe)\b.*\(/.test(line);
    const word = isProse ? refused.exec(line.replaceAll(/`[^`]*`/g, ""))?.[0] : undefined;
    return word === undefined ? [] : [`${index + 1}: says "${word}"`];
  });
}
