import { cpSync, existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../run-command.ts";

/** The folders of contracts, in search order. */
const protoFolders = ["proto", "standard"];
const importOfGenerated = /["']@parley\/gen\/([^"']+)["']/g;

/** The generated files that sources import, directly or transitively, as paths in gen/. */
export function generatedFilesOf(sources: Iterable<string>, further: readonly string[] = []): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of sources) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(importOfGenerated)) {
      follow(name ?? "");
    }
  }
  further.forEach(follow);
  return found;

  function follow(name: string): void {
    if (found.has(name)) {
      return;
    }
    found.add(name);
    for (const [, path] of readFileSync(join(root, "gen", name), "utf8").matchAll(/from "(\.[^"]+)"/g)) {
      follow(join(dirname(name), path ?? ""));
    }
  }
}

/** Copies generated files with their types into a folder. */
export function copyGenerated(names: Iterable<string>, folder: string): void {
  for (const name of names) {
    for (const file of [name, name.replace(/\.js$/, ".d.ts")]) {
      cpSync(join(root, "gen", file), join(folder, file));
    }
  }
}

/** Copies the source contracts of generated files into a folder. Throws if a contract is not found. */
export function copyContracts(names: Iterable<string>, folder: string): void {
  for (const name of names) {
    const contract = name.replace(/_pb\.js$/, ".proto");
    const source = protoFolders.map((from) => join(root, from, contract)).find(existsSync);
    if (source === undefined) {
      throw new Error(`${contract} is neither in ${protoFolders.join("/ nor in ")}/`);
    }
    cpSync(source, join(folder, contract));
  }
}

/** Rewrites the imports of generated files in a text: `prefix` replaces `@parley/gen`. */
export function withContractsAt(text: string, prefix: string): string {
  return text.replaceAll(importOfGenerated, (_, name: string) => `"${prefix}/${name}"`);
}
