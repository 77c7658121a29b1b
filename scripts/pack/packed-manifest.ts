import { type Manifest, type PackedPackage, publicExports, readManifest } from "./packed-package.ts";

/** The oldest Node that the packages are tested with. */
const nodeMin = ">=22";

/** Peer dependencies: an application must have only one copy, because classes are compared and registries are shared. */
const sharedWithHost: readonly string[] = ["@bufbuild/protobuf", "@connectrpc/connect"];

/** The package.json of a packed package. `isUsed` returns whether the compiled code imports a package. */
export function packedManifest(packed: PackedPackage, isUsed: (name: string) => boolean): Record<string, unknown> {
  const manifest = readManifest(packed.folder);
  const { name, version, description, license, sideEffects, dependencies, peerDependencies } = manifest;
  const ranges = Object.entries(dependencies ?? {}).flatMap(([dependency, range]) => rangeOf(dependency, range));
  const used = ranges.filter(([dependency]) => isUsed(dependency));
  const peers = used.filter(([dependency]) => sharedWithHost.includes(dependency));
  const own = used.filter(([dependency]) => !sharedWithHost.includes(dependency));
  return {
    name,
    version,
    description,
    license,
    type: "module",
    ...(sideEffects === undefined ? {} : { sideEffects }),
    engines: { node: nodeMin },
    files: ["dist", ...(packed.contracts === "published" ? ["proto"] : [])],
    exports: exportsOf(packed),
    ...fieldOf("dependencies", own),
    ...fieldOf("peerDependencies", [...Object.entries(peerDependencies ?? {}), ...peers]),
    ...(manifest.peerDependenciesMeta === undefined ? {} : { peerDependenciesMeta: manifest.peerDependenciesMeta }),
    publishConfig: { access: "public" },
  };

  function rangeOf(dependency: string, range: string): [string, string][] {
    if (dependency === "@parley/gen") {
      return packed.contracts === "@parley/contract" ? [["@parley/contract", readManifest("contract").version]] : [];
    }
    // The packages of one release are tested together, so their versions are exact. Other dependencies accept any compatible
    // release.
    return [[dependency, dependency.startsWith("@parley/") ? range : `^${range}`]];
  }
}

function exportsOf(packed: PackedPackage): Record<string, unknown> {
  const entries = publicExports(packed).map(([path, source]) => [path, conditions(source.replace(/^\.\/src\//, ""))]);
  const generated = { types: "./dist/gen/*.d.ts", default: "./dist/gen/*.js" };
  return {
    ...Object.fromEntries(entries),
    ...(packed.contracts === "published" ? { "./gen/*.js": generated, "./proto/*": "./proto/*" } : {}),
    "./package.json": "./package.json",
  };
}

function conditions(source: string): { readonly types: string; readonly default: string } {
  const path = `./dist/${source.replace(/\.ts$/, "")}`;
  return { types: `${path}.d.ts`, default: `${path}.js` };
}

function fieldOf(name: keyof Manifest, ranges: readonly (readonly [string, string])[]): Record<string, unknown> {
  return ranges.length === 0 ? {} : { [name]: Object.fromEntries([...ranges].sort(([a], [b]) => a.localeCompare(b))) };
}
