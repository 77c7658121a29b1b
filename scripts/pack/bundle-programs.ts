import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { processes } from "@parley/gen/services.js";
import { type Plugin, rolldown } from "rolldown";
import { root } from "../run-command.ts";

export interface BundleOptions {
  /** The output folder. */
  readonly folder: string;
  /** The folder that replaces the repository's root at run time: data files have the same relative paths below it. `root` by default. */
  readonly appFolder?: string;
}

/**
 * Bundles the CLI and every service as JavaScript for Node, with all their packages: `parley.js`, `<service>.js`, `preload.js`,
 * and shared chunks. Returns the bundled source files of the workspace. Rejects with the bundler's message if a source does not
 * compile.
 */
export async function bundlePrograms({ folder, appFolder = root }: BundleOptions): Promise<readonly string[]> {
  const sources: string[] = [];
  const bundle = await rolldown({
    input: {
      parley: join(root, "packages/cli/src/command-line.ts"),
      preload: join(root, "packages/cli/src/process/preload/preload.ts"),
      ...Object.fromEntries(processes.map(({ name, main }) => [name, join(root, main)])),
    },
    cwd: root,
    platform: "node",
    tsconfig: false,
    plugins: [keptModuleUrls({ folder, appFolder, sources })],
    onLog(level, log, write) {
      if (level === "warn" && !log.id?.includes("node_modules")) {
        throw new Error(log.message);
      }
      if (level !== "warn") {
        write(level, log);
      }
    },
  });
  try {
    await bundle.write({
      dir: folder,
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: "part-[name]-[hash].js",
    });
  } finally {
    await bundle.close();
  }
  return sources.sort();
}

interface KeptUrls {
  readonly folder: string;
  readonly appFolder: string;
  readonly sources: string[];
}

/** Preserves `import.meta.url` of workspace modules, relative to `appFolder` instead of the repository's root. Collects the modules. */
function keptModuleUrls({ folder, appFolder, sources }: KeptUrls): Plugin {
  const up = relative(folder, appFolder).split(sep).join("/");
  return {
    name: "kept-module-urls",
    transform(code, id) {
      if (!id.startsWith(root) || id.includes(`${sep}node_modules${sep}`)) {
        return undefined;
      }
      sources.push(id);
      const path = pathToFileURL(join("/", relative(root, id))).pathname.slice(1);
      const url = `new URL(${JSON.stringify(`${up}/${path}`)}, import.meta.url).href`;
      return code.includes("import.meta.url") ? code.replaceAll("import.meta.url", url) : undefined;
    },
  };
}
