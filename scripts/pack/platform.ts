import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { isConsoleBuilt, readBuiltPage } from "@parley/console";
import { buildConsole } from "@parley/console/build";
import { root } from "../run-command.ts";
import { bundlePrograms } from "./bundle-programs.ts";

/** The files of the API page, which the gateway reads from their npm package. */
const apiPageFiles = ["package.json", "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

export interface PlatformOptions {
  /** An absolute path of the Node executable for the first line of `bin/parley`. Default: the `node` on the PATH. */
  readonly node?: string;
}

/**
 * Creates a folder with the whole platform for production: `bin/parley` with the bundled CLI and services, and the data files
 * that they read. Its only requirement is Node. Rejects if a source does not compile.
 */
export async function stagePlatform(
  folder: string,
  { node = "/usr/bin/env node" }: PlatformOptions = {},
): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  await bundlePrograms({ folder: bin, appFolder: folder });
  writeFileSync(join(bin, "parley"), `#!${node}\nimport "./parley.js";\n`, { mode: 0o755 });
  const { version, license } = readJson("package.json");
  writeJson(join(folder, "package.json"), { name: "parley-platform", version, license, private: true, type: "module" });
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  copyTo(folder, "packages/cli/package.json");
  const gen = join(folder, "node_modules/@parley/gen");
  mkdirSync(gen, { recursive: true });
  writeJson(join(gen, "package.json"), { name: "@parley/gen", exports: { "./contracts.binpb": "./contracts.binpb" } });
  copyFileSync(join(root, "gen/contracts.binpb"), join(gen, "contracts.binpb"));
  const apiPage = join(folder, "node_modules/swagger-ui-dist");
  mkdirSync(apiPage, { recursive: true });
  const installed = dirname(
    createRequire(join(root, "packages/gateway/package.json")).resolve("swagger-ui-dist/package.json"),
  );
  for (const name of apiPageFiles) {
    copyFileSync(join(installed, name), join(apiPage, name));
  }
  cpSync(join(root, "docs"), join(folder, "docs"), { recursive: true });
  await copyConsole(folder);
}

/** Copies the console's page; builds it first if necessary. */
async function copyConsole(folder: string): Promise<void> {
  if (!(await isConsoleBuilt())) {
    await buildConsole();
  }
  const page = await readBuiltPage();
  if (page === undefined) {
    throw new Error(
      "The console was built, but its files are missing: another program removes node_modules/.cache/parley/console",
    );
  }
  const builds = join(folder, "node_modules/.cache/parley/console");
  cpSync(page.folder, join(builds, page.sourceHash), { recursive: true });
  writeJson(join(builds, "current.json"), page);
}

function copyTo(folder: string, path: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  copyFileSync(join(root, path), join(folder, path));
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

function writeJson(file: string, value: object): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
