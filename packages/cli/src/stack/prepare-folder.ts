import { randomUUID } from "node:crypto";
import { join, relative } from "node:path";
import { findDatabaseFiles, removeDatabaseFiles } from "../data/database-files.ts";
import { DataFolderInUseError, FolderClaim } from "../data/folder-claim.ts";
import type { StackSettings } from "../service/service-environment.ts";
import { ensureServiceKeys, UnusableKeyError } from "../service/service-keys.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";
import type { Terminal } from "../terminal/terminal.ts";
import * as report from "./reports.ts";

export interface RunOptions {
  readonly terminal: Terminal;
  readonly shell: Readonly<Record<string, string | undefined>>;
  readonly settings: StackSettings;
  /** Whether the databases are deleted first. */
  readonly fresh: boolean;
  /** Whether services restart when their sources change. Default: false. */
  readonly watch?: boolean;
}

/** Takes the services' locks in the data folder. Undefined, after a report, if another stack has them. */
export async function claimFolder(
  services: readonly ServiceDefinition[],
  { terminal, settings, fresh }: RunOptions,
): Promise<FolderClaim | undefined> {
  const command = ["parley", ...process.argv.slice(2)].join(" ");
  const record = { stack: randomUUID(), pid: process.pid, command, portOffset: settings.portOffset };
  try {
    return await FolderClaim.take(settings.dataFolder, { services, all: settings.services, record });
  } catch (error) {
    if (!(error instanceof DataFolderInUseError)) {
      throw error;
    }
    report.dataFolderInUse(terminal, error, { services, settings, fresh });
    return undefined;
  }
}

/** The keys for authentication between services. Undefined, after a report, if a key file cannot be used. */
export async function serviceKeys({
  terminal,
  settings,
}: RunOptions): Promise<Pick<StackSettings, "keys"> | undefined> {
  try {
    return {
      keys: await ensureServiceKeys(settings.services.filter(isFirst), { folder: join(settings.dataFolder, "keys") }),
    };
  } catch (error) {
    if (!(error instanceof UnusableKeyError)) {
      throw error;
    }
    terminal.say(`${terminal.colors.red(error.message)} Nothing was started.`);
    return undefined;
  }
}

/** Replicas authenticate with the key of their service. */
function isFirst({ replicaOf }: ServiceDefinition): boolean {
  return replicaOf === undefined;
}

/** Deletes the services' databases, after printing the files. The stack must have claimed the services. */
export async function removeData(
  services: readonly ServiceDefinition[],
  { terminal, settings }: RunOptions,
): Promise<void> {
  const files = await findDatabaseFiles(services, settings);
  terminal.say(files.length === 0 ? "Nothing to delete: there are no databases yet." : "Deleting");
  for (const file of files) {
    terminal.say(`  ${relative(process.cwd(), file) || file}`);
  }
  await removeDatabaseFiles(files);
}
