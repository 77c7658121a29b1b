import { isConsoleBuilt, sourceFolders } from "@parley/console";
import { shownPath } from "../../service/start-command.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { bundleConsole } from "../build-console.ts";
import { watchSources } from "./source-watcher.ts";

export interface RebuildOptions {
  readonly terminal: Terminal;
  /** The folders of the page's sources. */
  readonly folders?: readonly string[];
  /** Whether the current build is up to date. */
  readonly isBuilt?: () => Promise<boolean>;
  /** Makes the build. Rejects with the bundler's messages. */
  readonly build?: () => Promise<void>;
}

/**
 * Bundles the console again when its sources change: the gateway reads the current build for each request, so a reload of the page shows
 * it. After an error in the sources, the page remains unchanged until the next change. Returns the function that ends it.
 */
export function rebuildConsoleOnChange({
  terminal,
  folders = sourceFolders,
  isBuilt = isConsoleBuilt,
  build = bundleConsole,
}: RebuildOptions): () => void {
  const changed = new Set<string>();
  let isBuilding = false;
  let hasStopped = false;

  async function rebuild(): Promise<void> {
    isBuilding = true;
    // Changes during a build cause another build.
    while (changed.size > 0 && !hasStopped) {
      const [first = ""] = changed;
      const more = changed.size > 1 ? ` and ${changed.size - 1} more` : "";
      changed.clear();
      try {
        if (!(await isBuilt())) {
          await build();
          terminal.say(
            terminal.colors.green(`${shownPath(first)}${more} changed. Rebuilt the console: reload the page.`),
          );
        }
      } catch (error) {
        const { message } = error as Error;
        terminal.say(terminal.colors.red(`The console could not be built: ${message.trim()}`));
        terminal.say("The page is unchanged. Waiting for the next change.");
      }
    }
    isBuilding = false;
  }

  const stopWatching = watchSources(folders, {
    onChanged(paths) {
      for (const path of paths) {
        changed.add(path);
      }
      if (!isBuilding) {
        void rebuild();
      }
    },
    // The services' watcher reports it.
    onPolling() {},
  });
  return () => {
    hasStopped = true;
    stopWatching();
  };
}
