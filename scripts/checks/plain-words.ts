import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root, runCommand } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/** Words that hide the actor of a sentence. Name the caller, process, connection or lock owner instead, or say "in flight". */
const refused = /\b(?:nobody|somebody|whoever|under way)\b/i;

/** Code is checked for its comments and test names, contracts for their comments, and pages as a whole. */
const patterns = ["*.ts", "*.tsx", "*.proto", "*.md"];

/** Rejects certain words in the comments, test names and pages that Git tracks. */
export async function plainWords(): Promise<CheckResult> {
  const { output } = await runCommand("git", ["ls-files", "--cached", "--others", "--exclude-standard", ...patterns]);
  const files = output.split("\n").filter((file) => file !== "" && !file.startsWith("gen/"));
  const problems = await Promise.all(
    files.map(async (file) => {
      // Git still lists a file that is deleted but not committed.
      const text = await readFile(join(root, file), "utf8").catch(() => "");
      return hiddenActors(text, file.endsWith(".md")).map((problem) => `${file}:${problem}`);
    }),
  );
  return { passed: problems.flat().length === 0, output: problems.flat().join("\n") };
}

/**
 * The lines with a rejected word, each with its number. In code, only comments and test names are checked. Code in backticks is
 * skipped.
 */
export function hiddenActors(text: string, isPage: boolean): readonly string[] {
  return text.split("\n").flatMap((line, index) => {
    const isProse = isPage || /^\s*(?:\/\/|\/\*|\*)|^\s*(?:it|test|describe)\b.*\(/.test(line);
    const word = isProse ? refused.exec(line.replaceAll(/`[^`]*`/g, ""))?.[0] : undefined;
    return word === undefined ? [] : [`${index + 1}: says "${word}"`];
  });
}
