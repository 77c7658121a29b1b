import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A process of the platform, as a package.json declares it under `parley.processes`. */
export interface ProcessDeclaration {
  /** Its name: kebab-case, and the only one of this name. */
  readonly name: string;
  /** The file that Node runs, from the repository's top, with `/`. */
  readonly main: string;
  /** The port that it listens on where `--port-offset` is 0. */
  readonly port: number;
  /** The processes that it calls, by name; `public`: every process that serves a public contract. */
  readonly calls: readonly string[] | "public";
  /** Whether it keeps a database in the data folder. */
  readonly database: boolean;
}

/** A package.json, or what is declared in several together, cannot be used. */
export class ProcessDeclarationError extends Error {
  override readonly name = "ProcessDeclarationError";
}

interface Manifest {
  readonly parley?: { readonly processes?: readonly Partial<ProcessDeclaration>[] };
}

/**
 * Reads what the package.json files of packages/ declare, in the order of the ports.
 * @throws ProcessDeclarationError naming the file and the field.
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

/** The processes with those first that others call, and otherwise in the order given. */
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
