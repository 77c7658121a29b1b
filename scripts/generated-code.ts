import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { root, runCommand } from "./run-command.ts";
import { serviceListFiles, writeServiceList } from "./service-list/service-list.ts";

/** A difference between the newly generated files and gen/. */
export interface Difference {
  /** Relative to gen/. */
  readonly path: string;
  readonly kind: "new" | "changed" | "stale";
}

/** Generates the code of all contracts into an empty folder. The result is its `gen` subfolder. */
export async function generateInto(folder: string): Promise<void> {
  const { code, output } = await runCommand("buf", ["generate", "-o", folder], root);
  if (code !== 0) {
    throw new Error(`buf generate failed:\n${output}`);
  }
  const descriptors = ["build", "proto", "--as-file-descriptor-set", "-o", join(folder, "gen", descriptorSet)];
  const built = await runCommand("buf", descriptors, root);
  if (built.code !== 0) {
    throw new Error(`buf build failed:\n${built.output}`);
  }
  await writeServiceList(join(folder, "gen"), {
    root,
    descriptorSet: join(folder, "gen", descriptorSet),
    isContract: (file) => existsSync(join(root, "proto", file)) && !/^(buf|rpc|gateway|stack)\//.test(file),
  });
}

/**
 * All contracts with their comments (a `google.protobuf.FileDescriptorSet`), for descriptions: the descriptors in generated code
 * have no comments.
 */
const descriptorSet = "contracts.binpb";

/** Compares the generated files in `folder` with those in `gen`. */
export async function compareGenerated(folder: string, gen: string): Promise<readonly Difference[]> {
  const generated = await generatedFiles(join(folder, "gen"));
  const kept = await generatedFiles(gen);
  const differences: Difference[] = [];
  for (const path of new Set([...generated, ...kept].sort())) {
    if (!kept.has(path)) {
      differences.push({ path, kind: "new" });
    } else if (!generated.has(path)) {
      differences.push({ path, kind: "stale" });
    } else if (!(await sameContent(join(folder, "gen", path), join(gen, path)))) {
      differences.push({ path, kind: "changed" });
    }
  }
  return differences;
}

/** Updates `gen` with the generated files in `folder`. */
export async function writeGenerated(folder: string, gen: string, differences: readonly Difference[]): Promise<void> {
  for (const { path, kind } of differences) {
    if (kind === "stale") {
      await rm(join(gen, path));
    } else {
      await cp(join(folder, "gen", path), join(gen, path));
    }
  }
}

/** The generated files below a folder. package.json and similar files are written by hand. */
async function generatedFiles(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return new Set(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .filter((path) => !path.includes("node_modules"))
      .filter((path) => /_pb\.(js|d\.ts)$/.test(path) || path === descriptorSet || serviceListFiles.has(path)),
  );
}

async function sameContent(one: string, other: string): Promise<boolean> {
  return (await readFile(one)).equals(await readFile(other));
}
