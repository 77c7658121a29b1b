import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isTest } from "../architecture/broken-rules.ts";
import { root } from "../run-command.ts";
import type { CheckResult } from "./check-result.ts";

/** A package implements every service of proto/. Missing methods are a type error of `implement`. */
export async function implementedServices(): Promise<CheckResult> {
  const [contracts, sources] = await Promise.all([readAll("proto", /\.proto$/), readAll("packages", /\.ts$/)]);
  const missing = notImplemented(contracts, sources);
  return {
    passed: missing.length === 0,
    output: missing.map(({ path, service }) => `${path}: no package implements ${service}`).join("\n"),
  };
}

interface Text {
  /** Relative to the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The services that no module implements with `implement(Service, …)`. Test doubles do not count. */
export function notImplemented(
  contracts: readonly Text[],
  sources: readonly Text[],
): readonly { readonly path: string; readonly service: string }[] {
  const implemented = new Set(
    sources
      .filter(({ path }) => !isTest(path))
      .flatMap(({ text }) => [...text.matchAll(/\bimplement\(\s*(\w+)\s*,/g)].map(([, service]) => service)),
  );
  return contracts.flatMap(({ path, text }) =>
    [...text.matchAll(/^service (\w+)/gm)]
      .flatMap(([, service]) => (service === undefined ? [] : [{ path, service }]))
      .filter(({ service }) => !implemented.has(service)),
  );
}

async function readAll(folder: string, name: RegExp): Promise<readonly Text[]> {
  const entries = await readdir(join(root, folder), { recursive: true });
  const paths = entries.map((path) => path.replaceAll("\\", "/")).filter((path) => name.test(path));
  return Promise.all(
    paths
      .filter((path) => !path.includes("node_modules/"))
      .map(async (path) => ({ path: `${folder}/${path}`, text: await readFile(join(root, folder, path), "utf8") })),
  );
}
