import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. In a bundled command line, the folder of the package (see scripts/pack/bundle-programs.ts). */
export const root: string = fileURLToPath(new URL("../../../..", import.meta.url));

/** The folder of the bundles that `parley up` makes. */
export const buildsFolder: string = join(root, "node_modules/.cache/parley/programs");

/** Describes the current build. */
export const recordFile: string = join(buildsFolder, "current.json");

/** A build of the programs. */
export interface Build {
  /** Its folder's name in {@link buildsFolder}. */
  readonly name: string;
  /** The files that it was made from, relative to the repository, each with its {@link stateOf state} then. */
  readonly sources: Readonly<Record<string, string>>;
}

/** The folder of the current build. Undefined if there is none, or a source has changed since. Takes a few milliseconds. */
export function freshBuildFolder(): string | undefined {
  try {
    const { name, sources } = JSON.parse(readFileSync(recordFile, "utf8")) as Build;
    const folder = join(buildsFolder, name);
    const isFresh =
      existsSync(folder) && Object.entries(sources).every(([path, state]) => stateOf(join(root, path)) === state);
    return isFresh ? folder : undefined;
  } catch {
    return undefined;
  }
}

/** A file's size and time of change. A change that keeps both is not detected. */
export function stateOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "gone" : `${stats.size} ${stats.mtimeMs}`;
}
