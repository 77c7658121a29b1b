import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../scripts/run-command.ts";

const run = promisify(execFile);

/** The commit that deploy/previous-release names. Throws if it names none. */
export async function previousRelease(): Promise<string> {
  const text = await readFile(join(root, "deploy/previous-release"), "utf8");
  const commit = text.split("\n").find((line) => line !== "" && !line.startsWith("#"));
  if (commit === undefined || !/^[0-9a-f]{40}$/.test(commit)) {
    throw new Error("deploy/previous-release has no line with a commit of 40 hexadecimal digits");
  }
  return commit;
}

/** Whether this clone has the commit: a shallow one may not. */
export async function hasCommit(commit: string): Promise<boolean> {
  return run("git", ["cat-file", "-e", `${commit}^{commit}`], { cwd: root }).then(
    () => true,
    () => false,
  );
}

/**
 * Writes the files of a commit to an empty folder, with the third-party packages of this clone, or, if one that the commit needs is
 * missing there, with those of its own lock file.
 */
export async function checkOut(commit: string, folder: string): Promise<void> {
  const archive = `${folder}.tar`;
  await run("git", ["archive", "--output", archive, commit], { cwd: root });
  await run("tar", ["-xf", archive, "-C", folder]);
  const packages = await packagesOf(folder);
  const missing = await missingPackages(packages);
  if (missing.length > 0) {
    console.log(`The previous release needs ${missing.join(", ")}, so its own packages are installed.`);
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
    return;
  }
  await linkPackages(folder, packages);
}

interface Package {
  readonly name: string;
  /** Relative to the folder. */
  readonly path: string;
  readonly dependencies: readonly string[];
}

/** The packages of the workspace. */
async function packagesOf(folder: string): Promise<readonly Package[]> {
  const paths = ["gen", ...(await readdir(join(folder, "packages"))).map((name) => `packages/${name}`)];
  return Promise.all(
    paths.map(async (path) => {
      const { name, dependencies = {} } = JSON.parse(await readFile(join(folder, path, "package.json"), "utf8")) as {
        readonly name: string;
        readonly dependencies?: Readonly<Record<string, string>>;
      };
      return { name, path, dependencies: Object.keys(dependencies) };
    }),
  );
}

async function missingPackages(packages: readonly Package[]): Promise<readonly string[]> {
  const own = new Set(packages.map(({ name }) => name));
  const others = new Set(packages.flatMap(({ dependencies }) => dependencies).filter((name) => !own.has(name)));
  const found = await Promise.all(
    [...others].map((name) =>
      stat(join(root, "node_modules", name)).then(
        () => [],
        () => [name],
      ),
    ),
  );
  return found.flat();
}

async function linkPackages(folder: string, packages: readonly Package[]): Promise<void> {
  const [from, to] = [join(root, "node_modules"), join(folder, "node_modules")];
  await mkdir(to);
  for (const name of await readdir(from)) {
    if (!name.startsWith(".") && !packages.some((each) => each.name.startsWith(`${name}/`))) {
      await symlink(join(from, name), join(to, name));
    }
  }
  for (const { name, path } of packages) {
    await mkdir(join(to, name, ".."), { recursive: true });
    await symlink(join(folder, path), join(to, name));
  }
}
