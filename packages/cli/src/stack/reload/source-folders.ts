import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ServiceDefinition } from "../../service/service-registry.ts";

interface Package {
  readonly name: string;
  /** The folder of its sources. */
  readonly sources: string;
  /** The names of the packages that it imports. */
  readonly imports: readonly string[];
}

/**
 * The folders whose files each service runs: the sources of its own package, and of the workspace packages that it imports, directly or not. Keys are
 * the services' names.
 */
export async function sourceFolders(
  root: string,
  services: readonly ServiceDefinition[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const packages = await workspacePackages(root);
  const byName = new Map(packages.map((each) => [each.name, each]));
  return new Map(
    services.map(({ name, main }) => {
      const own = packages.find(({ sources }) => sources === dirname(main));
      return [name, own === undefined ? new Set([dirname(main)]) : reachable(own, byName)] as const;
    }),
  );
}

function reachable(from: Package, byName: ReadonlyMap<string, Package>): ReadonlySet<string> {
  const found = new Map([[from.name, from]]);
  for (const { imports } of found.values()) {
    for (const name of imports) {
      const imported = byName.get(name);
      if (imported !== undefined) {
        // The iteration also visits entries that are added meanwhile.
        found.set(name, imported);
      }
    }
  }
  return new Set([...found.values()].map(({ sources }) => sources));
}

async function workspacePackages(root: string): Promise<readonly Package[]> {
  const folders = (await readdir(join(root, "packages"))).map((name) => join(root, "packages", name));
  const manifests = [...folders, join(root, "gen")].filter((folder) => existsSync(join(folder, "package.json")));
  return Promise.all(manifests.map(readPackage));
}

async function readPackage(folder: string): Promise<Package> {
  const { name, dependencies = {} } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  const sources = join(folder, "src");
  // Generated code lies in its package's top folder.
  return { name, sources: existsSync(sources) ? sources : folder, imports: Object.keys(dependencies) };
}
