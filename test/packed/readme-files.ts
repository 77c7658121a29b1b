import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../../scripts/run-command.ts";

/** A code block of a README whose first line names a file, as in `// src/server.ts` or `# buf.yaml`. */
const namedBlock = /^```\w+\n(?:\/\/|#) (\S+\.\w+)\n([\s\S]*?)^```$/gm;

/** Writes the files that a package's README shows into a project, as its reader would. Answers their names. */
export async function writeReadmeFiles(packageName: string, project: string): Promise<readonly string[]> {
  const text = await readFile(join(root, "packages", packageName, "README.md"), "utf8");
  const names: string[] = [];
  for (const [, name = "", content = ""] of text.matchAll(namedBlock)) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), content);
    names.push(name);
  }
  return names;
}
