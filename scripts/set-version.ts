// `npm run set-version -- 0.2.0`: writes a release's version to the package.json files, the lock file, the user agent, the tarball
// names in READMEs, and the heading of the unreleased changes in CHANGELOG.md.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./run-command.ts";

const [version = ""] = parseArgs({ allowPositionals: true }).positionals;
if (!/^\d+\.\d+\.\d+$/.test(version)) {
  throw new Error(`"${version}" is not a version such as 0.2.0`);
}
const { version: before } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const manifests = ["package.json", ...globSync(["gen/package.json", "packages/*/package.json"], { cwd: root })];
for (const path of manifests) {
  rewrite(path, (text) =>
    text
      .replace(`"version": "${before}"`, `"version": "${version}"`)
      .replaceAll(new RegExp(`("@parley/[\\w-]+": )"${RegExp.escape(before)}"`, "g"), `$1"${version}"`),
  );
}
rewrite("package-lock.json", (text) => `${JSON.stringify(withVersion(JSON.parse(text)), null, 2)}\n`);
for (const path of ["packages/rpc/src/client/service-client.ts", "packages/rpc/src/client/wire/wire-transport.ts"]) {
  rewrite(path, (text) => text.replace(/parley-rpc\/\d+\.\d+/, `parley-rpc/${version.replace(/\.\d+$/, "")}`));
}
for (const path of globSync("packages/*/README.md", { cwd: root })) {
  rewrite(path, (text) => text.replaceAll(/(parley-[a-z0-9]+)-\d+\.\d+\.\d+\.tgz/g, `$1-${version}.tgz`));
}
const today = new Date().toISOString().slice(0, 10);
rewrite("CHANGELOG.md", (text) => text.replace("## [Unreleased]\n", `## [Unreleased]\n\n## [${version}] - ${today}\n`));

/** A workspace package in package-lock.json. */
interface LockedPackage {
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

function withVersion(lock: { version: string; packages: Record<string, LockedPackage> }): unknown {
  lock.version = version;
  for (const [path, locked] of Object.entries(lock.packages)) {
    if (/^$|^gen$|^packages\/[\w-]+$/.test(path)) {
      locked.version = version;
      for (const ranges of [locked.dependencies, locked.devDependencies]) {
        for (const name of Object.keys(ranges ?? {}).filter((known) => known.startsWith("@parley/"))) {
          (ranges as Record<string, string>)[name] = version;
        }
      }
    }
  }
  return lock;
}

function rewrite(path: string, change: (text: string) => string): void {
  const file = join(root, path);
  writeFileSync(file, change(readFileSync(file, "utf8")));
}
