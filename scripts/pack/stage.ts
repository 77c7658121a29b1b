import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "../run-command.ts";
import { compilePackages } from "./compile.ts";
import { copyContracts, copyGenerated, generatedFilesOf, withContractsAt } from "./contracts.ts";
import { packedManifest } from "./packed-manifest.ts";
import { type PackedPackage, packedPackages } from "./packed-package.ts";

/**
 * Creates a folder for each packed package, `<folder>/<name>`, that does not depend on this workspace: compiled code with types,
 * contracts, package.json, README and licence. Returns the folders. Rejects if the packages do not compile.
 */
export async function stagePackages(folder: string): Promise<readonly string[]> {
  rmSync(folder, { recursive: true, force: true });
  const compiled = join(folder, ".compiled");
  await compilePackages(compiled);
  const code = new Map(packedPackages.map((packed) => [packed, codeFiles(join(compiled, packed.folder, "src"))]));
  const staged = packedPackages.map((packed) => {
    const place = join(folder, packed.folder);
    // @parley/contract also contains the contracts that its dependants import.
    const readers = packed.contracts === "published" ? dependants(packed) : [packed];
    stagePackage(packed, {
      place,
      sources: join(compiled, packed.folder, "src"),
      importers: readers.flatMap((reader) => code.get(reader) ?? []),
    });
    return place;
  });
  rmSync(compiled, { recursive: true });
  return staged;
}

interface Staging {
  readonly place: string;
  /** The folder of its compiled code. */
  readonly sources: string;
  /** The files whose imported contracts it contains. */
  readonly importers: readonly string[];
}

function stagePackage(packed: PackedPackage, { place, sources, importers }: Staging): void {
  const dist = join(place, "dist");
  mkdirSync(place, { recursive: true });
  cpSync(sources, dist, { recursive: true });
  const texts = codeFiles(dist).map((file) => [file, readFileSync(file, "utf8")] as const);
  for (const [file, text] of texts) {
    writeFileSync(file, withContractsAt(text, contractsPrefix(packed, { file, dist })));
  }
  if (packed.contracts !== "@parley/contract") {
    const names = generatedFilesOf(importers, packed.furtherContracts);
    copyGenerated(names, join(dist, "gen"));
    if (packed.contracts === "published") {
      copyContracts(names, join(place, "proto"));
    }
  }
  const manifest = packedManifest(packed, (name) =>
    codeFiles(dist).some((file) => importsPackage(readFileSync(file, "utf8"), name)),
  );
  writeFileSync(join(place, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(root, "packages", packed.folder, "README.md"), join(place, "README.md"));
  copyFileSync(join(root, "LICENSE"), join(place, "LICENSE"));
}

function dependants(packed: PackedPackage): readonly PackedPackage[] {
  return packedPackages.filter((other) => other === packed || other.contracts === `@parley/${packed.folder}`);
}

function contractsPrefix({ contracts }: PackedPackage, { file, dist }: Record<"file" | "dist", string>): string {
  if (contracts === "@parley/contract") {
    return "@parley/contract/gen";
  }
  const path = relative(dirname(file), join(dist, "gen")).replaceAll("\\", "/");
  return path.startsWith(".") ? path : `./${path}`;
}

function importsPackage(text: string, name: string): boolean {
  return text.includes(`"${name}"`) || text.includes(`"${name}/`);
}

function codeFiles(folder: string): readonly string[] {
  return globSync("**/*.{js,d.ts}", { cwd: folder })
    .sort()
    .map((name) => join(folder, name));
}
