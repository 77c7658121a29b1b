import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>;
}

/**
 * The lock file has every package, those for other systems too. npm leaves out what it could not read when it wrote the file,
 * and then `npm ci` refuses on every machine.
 */
export async function lockFile(): Promise<CheckResult> {
  const missing = missingFromLock(JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as LockFile);
  return { passed: missing.length === 0, output: missing.map((name) => `missing: ${name}`).join("\n") };
}

/** The optional dependencies that a lock file names and does not describe. */
export function missingFromLock({ packages }: LockFile): readonly string[] {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
}
