import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { bad, type Finding, good } from "./finding.ts";

/** Whether this Node can run the services: the pinned version, or later. */
export async function checkNode(root: string, version = process.versions.node): Promise<Finding> {
  const pinned = await pinnedNode(root);
  const [major, needed] = [majorOf(version), majorOf(pinned)];
  return major >= needed
    ? good(`Node ${version}`)
    : bad(
        `Node ${version} is too old: the services need ${needed} or later`,
        "`npm start` and `npx parley` use the Node in node_modules/.bin; run one of them in the repository.",
      );
}

/** Whether the packages are installed and up to date with the lock file, as `npm start` checks too. */
export async function checkPackages(root: string): Promise<Finding> {
  const [locked, installed] = await Promise.all([
    changedAt(join(root, "package-lock.json")),
    changedAt(join(root, "node_modules", ".package-lock.json")),
  ]);
  if (installed === 0) {
    return bad("The packages are not installed", "npm ci");
  }
  return installed < locked
    ? bad("The packages are older than package-lock.json", "npm ci")
    : good("Packages installed");
}

async function pinnedNode(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    readonly devDependencies?: Readonly<Record<string, string>>;
  };
  return manifest.devDependencies?.node ?? "0";
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

async function changedAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
