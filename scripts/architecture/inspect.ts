import { readdir, readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { join, normalize, relative, sep } from "node:path";
import { brokenRules, isTest, type Manifest, type SourceFile } from "./broken-rules.ts";
import { brokenFolderOrder, largeFolderViolations, missingServiceFiles } from "./folders.ts";
import { importCircles } from "./import-circles.ts";
import { importsOf } from "./imports.ts";
import { fileLinesMax, longFiles, packageRules, testLinesMax } from "./rules.ts";
import type { Violation } from "./violation.ts";

/** The folders outside packages/ whose modules belong to the whole repository. */
const topFolders = ["test", "scripts"];
const sourceFile = /\.(ts|tsx|mts|js|mjs|cjs)$/;

/** Reads every module of a repository and lists the violations of the rules in docs/architecture.md. */
export async function inspectArchitecture(root: string): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  const topManifest = await readManifest(root);
  const names = await foldersIn(join(root, "packages"));
  const manifests = new Map(
    await Promise.all(names.map(async (name) => [name, await readManifest(join(root, "packages", name))] as const)),
  );
  const services = servicesAmong(manifests);
  for (const [name, manifest] of manifests) {
    const folder = join("packages", name);
    const files = await readSources(root, folder);
    violations.push(
      ...files.flatMap((file) => brokenRules(file, { packageName: name, folder, manifest, topManifest, services })),
    );
    violations.push(
      ...files.flatMap((file) => [...tooLong(file, longFiles), ...brokenFolderOrder(file)]),
      ...importCircles(files),
      ...largeFolderViolations(files),
      ...(services.has(name) ? missingServiceFiles(name, files) : []),
    );
  }
  for (const folder of topFolders) {
    const files = await readSources(root, folder);
    violations.push(
      ...files.flatMap((file) =>
        brokenRules(file, { packageName: undefined, folder, manifest: topManifest, topManifest, services }),
      ),
      ...files.flatMap((file) => tooLong(file, longFiles)),
      ...importCircles(files),
    );
  }
  return violations;
}

/** The packages that declare processes, except those with their own rule, such as the gateway. */
function servicesAmong(manifests: ReadonlyMap<string, Manifest>): ReadonlySet<string> {
  const declaring = [...manifests].filter(([, { parley }]) => (parley?.processes ?? []).length > 0);
  return new Set(declaring.map(([name]) => name).filter((name) => packageRules[name] === undefined));
}

/** Reports a file that exceeds the length limit without an exception, or that has an exception which it does not need. */
export function tooLong({ path, lines }: SourceFile, excused: Readonly<Record<string, string>>): readonly Violation[] {
  const reason = excused[path];
  const linesMax = isTest(path) ? testLinesMax : fileLinesMax;
  if (lines > linesMax && reason === undefined) {
    const problem = `has ${lines} lines; above ${linesMax}, split it or list it with the reason it is one`;
    return [{ file: path, problem }];
  }
  if (lines <= linesMax && reason !== undefined) {
    return [{ file: path, problem: "is listed as long, but no longer is" }];
  }
  return [];
}

async function readSources(root: string, folder: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile() && sourceFile.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !/(^|\/)(node_modules|dist|coverage|\.[^/]+)\//.test(path));
  return Promise.all(
    paths.sort().map(async (path) => {
      const source = await readFile(join(root, path), "utf8");
      const imports = importsOf(source).map((specifier) =>
        specifier.startsWith(".")
          ? {
              specifier,
              target: normalize(join(path, "..", specifier))
                .split(sep)
                .join("/"),
            }
          : { specifier: builtinModules.includes(specifier) ? `node:${specifier}` : specifier },
      );
      return { path, lines: source.split("\n").filter(isCode).length, imports };
    }),
  );
}

/** Comments do not count towards the length limit. */
function isCode(line: string): boolean {
  return !/^\s*($|\/\/|\/\*|\*)/.test(line);
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
