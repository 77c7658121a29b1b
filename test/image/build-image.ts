import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../scripts/run-command.ts";

const run = promisify(execFile);

/** vfs instead of overlay, and chroot isolation: works as root inside a container too. */
const environment = { ...process.env, STORAGE_DRIVER: "vfs", BUILDAH_ISOLATION: "chroot" };

/** Runs buildah, with its storage in `folder`. */
export async function buildah(folder: string, args: readonly string[]): Promise<string> {
  const storage = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  const { stdout } = await run("buildah", [...storage, ...args], { cwd: root, env: environment, maxBuffer: 64 << 20 });
  return stdout.trim();
}

/**
 * Builds the image of deploy/image/Containerfile without pulling an image: the build image contains only this machine's Node and
 * its libraries, and the packages are those of this clone.
 */
export async function buildImage(folder: string): Promise<void> {
  const base = join(folder, "base");
  await mkdir(base);
  // Loads the bundler, because the build also needs its libraries.
  await run(process.execPath, ["--import", "rolldown", "deploy/image/collect-runtime.ts", join(base, "root")], {
    cwd: root,
  });
  await writeFile(join(base, "Containerfile"), "FROM scratch\nCOPY root/ /\nENV PATH=/usr/local/bin\n");
  await buildah(folder, ["bud", "--format", "docker", "-t", "localhost/parley-build", base]);
  await buildah(folder, [
    ...["bud", "--format", "docker", "--ignorefile", ".containerignore", "-t", "localhost/parley"],
    ...["--build-arg", "BUILD_IMAGE=localhost/parley-build"],
    ...["--volume", `${join(root, "node_modules")}:/src/node_modules`],
    ...["-f", "deploy/image/Containerfile", "."],
  ]);
}
