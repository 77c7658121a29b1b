import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("./template", import.meta.url));

/** The identifiers in the templates' code: a service of the same name would redeclare them. */
export async function templateIdentifiers(): Promise<ReadonlySet<string>> {
  const texts = await Promise.all((await templatePaths()).filter(isCode).map((file) => readFile(file, "utf8")));
  const code = texts.join("\n").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"|`[^`]*`|\{\{\w+\}\}/g, " ");
  return new Set(code.match(/\b[A-Za-z]\w*\b/g));
}

function isCode(file: string): boolean {
  return file.endsWith(".ts.template");
}

async function templatePaths(): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The files of a new service: the templates with each `{{placeholder}}`, in paths and texts, replaced by its value. */
export async function templateFiles(values: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
  const files = await templatePaths();
  return new Map(
    await Promise.all(
      files.toSorted().map(async (file) => {
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
