import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("./template", import.meta.url));

/** The files of a new service: the templates with each `{{placeholder}}`, in paths and texts, replaced by its value. */
export async function templateFiles(values: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      files.sort().map(async (file) => {
        const path = file
          .slice(folder.length + 1)
          .replaceAll("\\", "/")
          .replace(/\.template$/, "");
        return [filledIn(path, values), filledIn(await readFile(file, "utf8"), values)] as const;
      }),
    ),
  );
}

/** The text with its placeholders replaced. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (placeholder, key: string) => {
    const value = values[key];
    if (value === undefined) {
      throw new Error(`a template has the placeholder ${placeholder}, which has no value`);
    }
    return value;
  });
}
