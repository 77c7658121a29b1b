import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runCommand } from "../run-command.ts";
import { packedPackages, publicExports, readManifest } from "./packed-package.ts";

/**
 * Compiles the public entry points of all packed packages, and their imports from the workspace, into `folder`: JavaScript and
 * types for Node 22, in one tsc run. Tests, fixtures and internal entry points are left out because nothing imports them.
 * Rejects with tsc's output.
 */
export async function compilePackages(folder: string): Promise<void> {
  const packages = join(root, "packages");
  const entries = packedPackages.flatMap((packed) =>
    publicExports(packed).map(([path, source]) => ({
      name: `${readManifest(packed.folder).name}${path.slice(1)}`,
      file: join(packages, packed.folder, source),
    })),
  );
  const settings = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: packages,
      outDir: folder,
      // The features of Node 22. The client's sources also run in browsers.
      target: "es2023",
      lib: ["es2024", "dom", "dom.iterable"],
      typeRoots: [join(root, "node_modules/@types")],
      // Without paths, tsc treats imports between packages as libraries and does not compile them.
      paths: Object.fromEntries(entries.map(({ name, file }) => [name, [file]])),
    },
    include: [],
    files: entries.map(({ file }) => file),
  };
  mkdirSync(folder, { recursive: true });
  const project = join(folder, "tsconfig.json");
  writeFileSync(project, JSON.stringify(settings, null, 2));
  const { code, output } = await runCommand("tsc", ["-p", project]);
  if (code !== 0) {
    throw new Error(`tsc -p ${project} failed:\n${output}`);
  }
}
