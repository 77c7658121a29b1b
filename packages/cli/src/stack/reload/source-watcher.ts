import { type FSWatcher, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import { stateOf } from "../../programs/build-record.ts";

export interface SourceWatcherOptions {
  /** Called with the files that were created, changed or deleted since the last call. */
  readonly onChanged: (paths: readonly string[]) => void;
  /** Called once if the system cannot report changes. Then the folders are read every {@link pollMs}. */
  readonly onPolling: (error: Error) => void;
}

/** An editor or a checkout writes several files, or one in several steps: they are one change. In milliseconds. */
const quietMs = 100;
/** How often the folders are read if the system cannot report changes, in milliseconds. */
const pollMs = 1_000;

/** Watches the source files below some folders. Tests are ignored. Returns the function that ends it. */
export function watchSources(folders: readonly string[], { onChanged, onPolling }: SourceWatcherOptions): () => void {
  let before = statesBelow(folders);
  let quiet: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;
  const watchers: FSWatcher[] = [];

  // The system's events only trigger a check: they also occur for reads and for unchanged files, and may be lost.
  function check(): void {
    const now = statesBelow(folders);
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
      (path) => before.get(path) !== now.get(path),
    );
    before = now;
    if (changed.length > 0) {
      onChanged(changed);
    }
  }

  function checkSoon(): void {
    clearTimeout(quiet);
    quiet = setTimeout(check, quietMs);
  }

  function pollInstead(error: Error): void {
    if (poll === undefined) {
      onPolling(error);
      poll = setInterval(check, pollMs);
    }
  }

  for (const folder of folders) {
    try {
      watchers.push(watch(folder, { recursive: true }, checkSoon).on("error", pollInstead));
    } catch (error) {
      pollInstead(error as Error);
    }
  }
  return () => {
    clearTimeout(quiet);
    clearInterval(poll);
    for (const watcher of watchers) {
      watcher.close();
    }
  };
}

/** The size and time of change of each source file. */
function statesBelow(folders: readonly string[]): ReadonlyMap<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && isSource(join(entry.parentPath, entry.name)))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  return new Map(paths.map((path) => [path, stateOf(path)]));
}

/** Editors create temporary files with other extensions. */
function isSource(path: string): boolean {
  return (
    /\.(tsx?|js|json|binpb|css|svg)$/.test(path) &&
    !/\.test\.tsx?$|[\\/](testing|node_modules)[\\/]|[\\/]\.[^\\/]*$/.test(path)
  );
}
