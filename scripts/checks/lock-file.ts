import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

const kinds = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;

/** The dependency fields of a package.json. */
type Needs = { readonly [Kind in (typeof kinds)[number]]?: Readonly<Record<string, string>> };

export interface WorkspaceManifest extends Needs {
  readonly name: string;
  readonly version?: string;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

interface LockEntry extends Needs {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/**
 * `npm ci` installs a fresh clone: the lock file matches every workspace's package.json, and contains all their dependencies
 * with versions, those for other operating systems included. npm omits packages that it could not read when it wrote the file.
 */
export async function lockFile(): Promise<CheckResult> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as LockFile;
  const problems = lockFileProblems(lock, await workspaceManifests());
  return { passed: problems.length === 0, output: problems.join("\n") };
}

/** The package.json files by folder; `""` is the root. */
async function workspaceManifests(): Promise<ReadonlyMap<string, WorkspaceManifest>> {
  const packages = (await readdir(join(root, "packages"))).map((name) => `packages/${name}`);
  const manifests = await Promise.all(
    ["", "gen", ...packages].map(async (folder) => {
      const text = await readFile(join(root, folder, "package.json"), "utf8");
      return [folder, JSON.parse(text) as WorkspaceManifest] as const;
    }),
  );
  return new Map(manifests);
}

/** The reasons for which `npm ci` would reject the lock file, or install something other than the package.json files declare. */
export function lockFileProblems(lock: LockFile, manifests: ReadonlyMap<string, WorkspaceManifest>): readonly string[] {
  const problems: string[] = [];
  for (const [folder, manifest] of manifests) {
    problems.push(...workspaceProblems(lock, folder, manifest));
  }
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (!path.includes("node_modules/")) {
      if (!manifests.has(path)) {
        problems.push(`${path} is in package-lock.json, but is no longer a workspace`);
      }
    } else if (entry.link !== true && entry.inBundle !== true && entry.version === undefined) {
      problems.push(`${path} has no "version" in package-lock.json`);
    }
    for (const name of needed(entry).filter((name) => !isInstalled(lock, path, name))) {
      problems.push(`${name} is not in package-lock.json; ${path || "package.json"} needs it`);
    }
  }
  return problems;
}

function workspaceProblems(lock: LockFile, folder: string, manifest: WorkspaceManifest): readonly string[] {
  const file = folder === "" ? "package.json" : `${folder}/package.json`;
  const entry = lock.packages[folder];
  if (entry === undefined) {
    return [`${file} is not in package-lock.json`];
  }
  const problems = kinds
    .filter((kind) => !sameRecord(manifest[kind], entry[kind]))
    .map((kind) => `${file} has other ${kind} than package-lock.json`);
  if (manifest.version !== entry.version) {
    problems.push(`${file} has another version than package-lock.json`);
  }
  if (folder !== "") {
    const link = lock.packages[`node_modules/${manifest.name}`];
    if (link?.link !== true || link.resolved !== folder) {
      problems.push(`package-lock.json does not link node_modules/${manifest.name} to ${folder}`);
    }
  }
  return problems;
}

function sameRecord(one: Readonly<Record<string, string>> = {}, other: Readonly<Record<string, string>> = {}): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** The required packages of an entry, including those that npm installs on some operating systems only. */
function needed(entry: LockEntry): readonly string[] {
  const { dependencies = {}, devDependencies = {}, optionalDependencies = {}, peerDependencies = {} } = entry;
  const peers = Object.keys(peerDependencies).filter((name) => entry.peerDependenciesMeta?.[name]?.optional !== true);
  return [...new Set([dependencies, devDependencies, optionalDependencies].flatMap(Object.keys).concat(peers))];
}

/** Whether Node resolves the package from the folder: in its own node_modules or in a parent's. */
function isInstalled({ packages }: LockFile, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in packages) {
      return true;
    }
    if (folder === "") {
      return false;
    }
  }
}
