import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A process of the platform, as a package.json declares it under `parley.processes`. */
export interface ProcessDeclaration {
  /** Its name: kebab-case and unique. */
  readonly name: string;
  /** Its entry file, relative to the repository's root, with `/`. */
  readonly main: string;
  /** Its port if `--port-offset` is 0. */
  readonly port: number;
  /** The names of the processes that it calls. `public`: every process that serves a public contract. */
  readonly calls: readonly string[] | "public";
  /** Whether it has a database in the data folder. */
  readonly database: boolean;
}

/** A package.json, or a combination of them, declares invalid processes. */
export class ProcessDeclarationError extends Error {
  override readonly name = "ProcessDeclarationError";
}

interface Manifest {
  readonly parley?: { readonly processes?: readonly Partial<ProcessDeclaration>[] };
}

/**
 * Reads the declarations in the package.json files of packages/, ordered by port.
 * @throws ProcessDeclarationError with the file and the field.
 */
export async function readProcesses(root: string): Promise<readonly ProcessDeclaration[]> {
  const folders = (await readdir(join(root, "packages"))).sort();
  const found = await Promise.all(
    folders.map(async (folder) => {
      const file = `packages/${folder}/package.json`;
      const text = await readFile(join(root, file), "utf8").catch(() => "{}");
      const { parley } = JSON.parse(text) as Manifest;
      return (parley?.processes ?? []).map((declared) => checked(declared, folder));
    }),
  );
  const processes = found.flat().sort((one, other) => one.port - other.port);
  refuseTwice(processes, "name");
  refuseTwice(processes, "port");
  const names = new Set(processes.map(({ name }) => name));
  for (const { name, calls } of processes) {
    const unknown = calls === "public" ? undefined : calls.find((callee) => !names.has(callee));
    if (unknown !== undefined) {
      throw new ProcessDeclarationError(`The process ${name} calls "${unknown}", which no package.json declares.`);
    }
  }
  return processes;
}

function checked(declared: Partial<ProcessDeclaration>, folder: string): ProcessDeclaration {
  const { name, main, port, calls, database } = declared;
  const wrong = (field: string, allowed: string) =>
    new ProcessDeclarationError(
      `packages/${folder}/package.json: "parley.processes" has ${field} ${JSON.stringify(declared[field as keyof ProcessDeclaration])}; it must be ${allowed}.`,
    );
  if (typeof name !== "string" || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw wrong("name", "a word in kebab-case");
  }
  if (typeof main !== "string" || !main.endsWith(".ts")) {
    throw wrong("main", "a .ts file of the package, for example src/main.ts");
  }
  if (port === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw wrong("port", "a number from 1 to 65535");
  }
  if (calls !== "public" && !(Array.isArray(calls) && calls.every((callee) => typeof callee === "string"))) {
    throw wrong("calls", 'a list of process names, or "public"');
  }
  if (typeof database !== "boolean") {
    throw wrong("database", "true or false");
  }
  return { name, main: `packages/${folder}/${main}`, port, calls, database };
}

function refuseTwice(processes: readonly ProcessDeclaration[], field: "name" | "port"): void {
  for (const [index, process] of processes.entries()) {
    const other = processes.slice(0, index).find((earlier) => earlier[field] === process[field]);
    if (other !== undefined) {
      throw new ProcessDeclarationError(
        `${other.main} and ${process.main} are declared with the same ${field}, ${process[field]}.`,
      );
    }
  }
}

/** Sorts processes so that callees come before their callers. The order is otherwise stable. */
export function calleesFirst<P extends { readonly name: string; readonly calls: readonly string[] }>(
  processes: readonly P[],
): readonly P[] {
  const ordered: P[] = [];
  const visit = (process: P, path: readonly string[]) => {
    if (path.includes(process.name)) {
      throw new ProcessDeclarationError(
        `Processes call each other in a circle: ${[...path, process.name].join(" → ")}.`,
      );
    }
    if (!ordered.includes(process)) {
      for (const callee of processes.filter(({ name }) => process.calls.includes(name))) {
        visit(callee, [...path, process.name]);
      }
      ordered.push(process);
    }
  };
  for (const process of processes) {
    visit(process, []);
  }
  return ordered;
}
