import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** All packages have the version of the root package.json, and depend on each other at that version. */
export async function versions(): Promise<CheckResult> {
  const read = (path: string): Manifest => JSON.parse(readFileSync(join(root, path), "utf8"));
  const { version } = read("package.json");
  const wrong = globSync(["gen/package.json", "packages/*/package.json"], { cwd: root }).flatMap((path) => {
    const manifest = read(path);
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
    return [
      ...(manifest.version === version ? [] : [`${path} has version ${manifest.version}`]),
      ...ranges
        .filter(([name, range]) => name.startsWith("@parley/") && range !== version)
        .map(([name, range]) => `${path} depends on ${name} ${range}`),
    ];
  });
  const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  if (!changelog.includes(`\n## [${version}]`)) {
    wrong.push(`CHANGELOG.md has no section [${version}]`);
  }
  return { passed: wrong.length === 0, output: wrong.map((line) => `${line}; the version is ${version}`).join("\n") };
}
