import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "../outcome/usage-error.ts";

/** A clone of Parley's repository. */
export interface Repository {
  /** Its top folder. */
  readonly root: string;
  /** The version of its packages. */
  readonly version: string;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly parley?: { readonly processes?: readonly { readonly name: string; readonly port: number }[] };
}

/**
 * The clone that contains a folder.
 * @throws UsageError if there is none.
 */
export async function findRepository(folder: string): Promise<Repository> {
  for (let root = folder; ; root = dirname(root)) {
    const marks = ["package.json", "proto/rpc/v1/options.proto", "scripts/generate.ts", "packages/cli"];
    if (marks.every((mark) => existsSync(join(root, mark)))) {
      return { root, version: (await readManifest(join(root, "gen"))).version ?? "0.1.0" };
    }
    if (root === dirname(root)) {
      throw new UsageError(
        `parley new changes a clone of Parley's repository, and ${folder} is not inside one. Change into your clone and repeat the command.`,
      );
    }
  }
}

/** The package.json of a folder. */
export async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;
}

/** The processes that the packages declare. */
export async function declaredProcesses({
  root,
}: Repository): Promise<readonly { readonly name: string; readonly port: number }[]> {
  const folders = await readdir(join(root, "packages"));
  const manifests = await Promise.all(
    folders
      .filter((name) => existsSync(join(root, "packages", name, "package.json")))
      .map((name) => readManifest(join(root, "packages", name))),
  );
  return manifests.flatMap(({ parley }) => parley?.processes ?? []);
}

/** The texts of all contracts, by path from the repository's top folder. */
export async function contractTexts({ root }: Repository): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(join(root, "proto"), { recursive: true });
  const paths = entries
    .map((path) => `proto/${path.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".proto"))
    .sort();
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await readFile(join(root, path), "utf8")] as const)),
  );
}
