import { homedir } from "node:os";
import { relative, resolve, sep } from "node:path";
import type { ServiceDefinition } from "./service-registry.ts";

/** Where databases are unless `--data` says otherwise. */
export const defaultDataFolder = "./data";

export interface StartCommand {
  /** The services to start; all by default. */
  readonly only?: readonly string[] | undefined;
  /** An absolute path. */
  readonly dataFolder: string;
  readonly portOffset: number;
  /** As `--database` says; SQLite by default. */
  readonly databaseKind?: "sqlite" | "postgres" | undefined;
  /** As `--replicas` says. */
  readonly replicas?: string | undefined;
}

/** What to type in a shell to start services: what `parley up` and `parley doctor` tell people to do. */
export function startCommand({ only, dataFolder, portOffset, databaseKind, replicas }: StartCommand): string {
  return [
    "npx parley up",
    ...(only === undefined ? [] : [`--only ${only.join(",")}`]),
    ...(databaseKind === "postgres" ? ["--database postgres"] : []),
    ...(replicas === undefined ? [] : [`--replicas ${replicas}`]),
    ...(portOffset === 0 ? [] : [`--port-offset ${portOffset}`]),
    ...(dataFolder === resolve(defaultDataFolder) ? [] : [`--data ${quoted(shownPath(dataFolder))}`]),
  ].join(" ");
}

/** `only`, where not all services are meant. */
export function partOf(
  services: readonly ServiceDefinition[],
  all: readonly ServiceDefinition[],
): Pick<StartCommand, "only"> {
  return services.length === all.length ? {} : { only: services.map(({ name }) => name) };
}

/** The folder that `--data` names, as an absolute path; `~` is the user's own. */
export function dataFolderOf(option: string): string {
  return resolve(option.replace(/^~(?=[/\\]|$)/, () => homedir()));
}

/** A path as a person would type it from here. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" ? "." : fromHere.startsWith("..") ? path : `.${sep}${fromHere}`;
}

/** Quotes what a shell would read as something else: single quotes for POSIX shells, double quotes for Windows'. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./\\~-]*$/.test(text)) {
    return text;
  }
  return process.platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
