import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { databaseFile, type StackSettings } from "../service/service-environment.ts";
import type { ServiceDefinition } from "../service/service-registry.ts";

/** The files that SQLite creates beside a database file (sqlite.org/tempfiles.html). */
const companions = ["", "-wal", "-shm", "-journal"];

/** The existing files of the services' databases, as absolute paths. */
export async function findDatabaseFiles(
  services: readonly ServiceDefinition[],
  settings: StackSettings,
): Promise<readonly string[]> {
  const present = new Set(await readdir(settings.dataFolder).catch(() => []));
  return services
    .filter((service) => service.database)
    .flatMap((service) => companions.map((companion) => basename(databaseFile(service, settings)) + companion))
    .filter((name) => present.has(name))
    .map((name) => join(settings.dataFolder, name));
}

/** Deletes these files, and nothing else of the folder. */
export async function removeDatabaseFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    await rm(file, { force: true });
  }
}
