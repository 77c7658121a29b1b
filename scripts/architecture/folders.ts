import { dirname } from "node:path/posix";
import { isTest, type SourceFile } from "./broken-rules.ts";
import { folderFilesMax, folderOrder, largeFolders, serviceFiles, servicesWithOtherFiles } from "./rules.ts";
import type { Violation } from "./violation.ts";

/** Reports imports that point upwards in the order of a package's folders: see {@link folderOrder}. */
export function brokenFolderOrder(file: SourceFile): readonly Violation[] {
  if (isTest(file.path)) {
    return [];
  }
  return Object.entries(folderOrder).flatMap(([parent, order]) => {
    const from = folderInside(parent, file.path);
    if (from === undefined) {
      return [];
    }
    return file.imports.flatMap(({ target, specifier }) => {
      const to = target === undefined ? undefined : folderInside(parent, target);
      const problem = to === undefined || to === from ? undefined : orderProblem(order, from, to);
      return problem === undefined ? [] : [{ file: file.path, problem: `${problem} ("${specifier}")` }];
    });
  });
}

function orderProblem(order: readonly (readonly string[])[], from: string, to: string): string | undefined {
  const [fromStep, toStep] = [from, to].map((folder) => order.findIndex((step) => step.includes(folder)));
  if (fromStep === undefined || fromStep < 0 || toStep === undefined || toStep < 0) {
    const unknown = fromStep === undefined || fromStep < 0 ? from : to;
    return `is about the folder "${unknown}", which has no place in folderOrder of scripts/architecture/rules.ts`;
  }
  return toStep < fromStep ? undefined : `the folder "${from}" may not import the folder "${to}"`;
}

/** The first folder of a path below `parent`; `""` for a file directly in it; undefined for a path outside it. */
function folderInside(parent: string, path: string): string | undefined {
  if (!path.startsWith(`${parent}/`)) {
    return undefined;
  }
  const rest = path.slice(parent.length + 1);
  return rest.includes("/") ? rest.slice(0, rest.indexOf("/")) : "";
}

/** Reports source folders with too many files, and listed exceptions that are no longer too large. */
export function largeFolderViolations(files: readonly SourceFile[]): readonly Violation[] {
  const counts = new Map<string, number>();
  for (const { path } of files.filter(({ path }) => !isTest(path))) {
    counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  }
  return [...counts].flatMap(([folder, count]) => {
    const listed = folder in largeFolders;
    if (count > folderFilesMax && !listed) {
      const problem = `has ${count} files besides tests; above ${folderFilesMax}, make a subfolder or list it with its reason`;
      return [{ file: folder, problem }];
    }
    return count <= folderFilesMax && listed ? [{ file: folder, problem: "is listed as large, but no longer is" }] : [];
  });
}

/** Reports the required files that a service lacks: see {@link serviceFiles}. */
export function missingServiceFiles(name: string, files: readonly SourceFile[]): readonly Violation[] {
  if (files.length === 0 || name in servicesWithOtherFiles) {
    return [];
  }
  const paths = new Set(files.map(({ path }) => path));
  return serviceFiles
    .map((file) => `packages/${name}/src/${file.replace("<name>", name)}`)
    .filter((path) => !paths.has(path))
    .map((path) => ({ file: path, problem: "is missing: every service has it" }));
}
