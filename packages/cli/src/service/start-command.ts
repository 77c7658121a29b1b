import { homedir } from "node:os";
import { relative, resolve, sep } from "node:path";
import type { ServiceDefinition } from "./service-registry.ts";

/** The default folder of databases. */
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

/** The shell command that starts services, as `parley up` and `parley doctor` print it. */
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

/** `only`, unless all services are meant. */
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

/** A path as a user would type it here. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" ? "." : fromHere.startsWith("..") ? path : `.${sep}${fromHere}`;
}

/** Quotes an argument for the shell: single quotes for POSIX shells, double quotes for Windows'. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./\\~-]*$/.test(text)) {
    return text;
  }
  return process.platform === "win32" ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
