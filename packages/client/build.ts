// Makes dist/ for `npm pack`: the sources as JavaScript with types, and the generated contracts beside them, so that the
// package needs nothing of this workspace.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

const here = import.meta.dirname;
const root = join(here, "../..");
const dist = join(here, "dist");
const gen = join(root, "gen");

rmSync(dist, { recursive: true, force: true });
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));
execFileSync(process.execPath, [join(typescript, "bin/tsc"), "-p", join(here, "tsconfig.build.json")], {
  stdio: "inherit",
});

for (const name of contractsUsed(readdirOf(dist))) {
  for (const file of [name, name.replace(/\.js$/, ".d.ts")]) {
    mkdirSync(dirname(join(dist, "gen", file)), { recursive: true });
    cpSync(join(gen, file), join(dist, "gen", file));
  }
}
for (const file of readdirOf(dist)) {
  const text = readFileSync(file, "utf8");
  const up = relative(dirname(file), join(dist, "gen"));
  const prefix = up.startsWith(".") ? up : `./${up}`;
  writeFileSync(file, text.replaceAll(/(["'])@parley\/gen\//g, `$1${prefix}/`));
}
copyFileSync(join(root, "LICENSE"), join(here, "LICENSE"));

function readdirOf(folder: string): string[] {
  return globSync("**/*.{js,d.ts}", { cwd: folder }).map((name) => join(folder, name));
}

/** The generated files that the sources import, and those that these import in turn. */
function contractsUsed(files: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of files) {
    for (const [, name] of readFileSync(file, "utf8").matchAll(/["']@parley\/gen\/([^"']+)["']/g)) {
      follow(name ?? "");
    }
  }
  return found;

  function follow(name: string): void {
    if (found.has(name)) {
      return;
    }
    found.add(name);
    for (const [, path] of readFileSync(join(gen, name), "utf8").matchAll(/from "(\.[^"]+)"/g)) {
      follow(join(dirname(name), path ?? ""));
    }
  }
}
