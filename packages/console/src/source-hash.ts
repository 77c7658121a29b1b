import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { readBuiltPage } from "./built-page.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The sources of the page: its own, the client's, the generated code of the contracts, and the versions of the packages. */
const sources = ["packages/console/page", "packages/console/src", "packages/client/src", "gen"];

/** The folders of these sources. */
export const sourceFolders: readonly string[] = sources.map((folder) => join(root, folder));

/** A hash of all sources. Takes a few milliseconds. */
export async function sourceHash(): Promise<string> {
  const files = (await Promise.all(sources.map(filesIn))).flat().sort();
  const hash = createHash("sha256");
  const contents = await Promise.all([join(root, "package-lock.json"), ...files].map((file) => readFile(file)));
  for (const [index, content] of contents.entries()) {
    hash
      .update(
        `${relative(root, files[index - 1] ?? "")
          .split(sep)
          .join("/")}\0${content.length}\0`,
      )
      .update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Whether the current build matches the current sources. */
export async function isConsoleBuilt(): Promise<boolean> {
  const [page, hash] = await Promise.all([readBuiltPage(), sourceHash()]);
  return page?.sourceHash === hash;
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(tsx?|css|svg|js)$/.test(entry.name) && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
