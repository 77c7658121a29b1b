import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { root } from "../../scripts/run-command.ts";

/** A code block of a README whose first line names a file, as in `// src/server.ts` or `# buf.yaml`. */
const namedBlock = /^```\w+\n(?:\/\/|#) (\S+\.\w+)\n([\s\S]*?)^```$/gm;

/** Writes the files that the README of `folder` shows into a project. Returns their names. */
export async function writeReadmeFiles(folder: string, project: string): Promise<readonly string[]> {
  const text = await readFile(join(root, folder, "README.md"), "utf8");
  const names: string[] = [];
  for (const [, name = "", content = ""] of text.matchAll(namedBlock)) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), content);
    names.push(name);
  }
  return names;
}
