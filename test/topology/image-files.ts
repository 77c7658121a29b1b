import { execFile } from "node:child_process";
import { chmod, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { stagePlatform } from "../../scripts/pack/platform.ts";
import { root } from "../../scripts/run-command.ts";
import type { CommandLine, Network } from "./network.ts";

const run = promisify(execFile);

/** The image's user (deploy/image/Containerfile). */
const userId = 65_532;

/** The image's files, and how a program of it is run. */
export interface ImageFiles {
  /** A folder for the image's programs, as seen from outside. */
  folder(name: "keys" | "tls"): string;
  /** The same folder as its programs see it. */
  inside(name: "keys" | "tls"): string;
  /** The command line of `parley` with these arguments. */
  parley(...args: string[]): CommandLine;
  /** The variables that every program of the image gets, besides a PATH. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Puts into a folder what deploy/image/Containerfile puts into the image: the bundles, Node and its libraries. Programs run in it with
 * chroot as the image's user, and find the DNS server in /etc/resolv.conf, which a container engine would write. Without
 * namespaces they are the same bundles, run by this process's Node.
 */
export async function createImageFiles(folder: string, { kind, front }: Network): Promise<ImageFiles> {
  if (kind === "loopback") {
    await stagePlatform(join(folder, "parley"), { node: process.execPath });
    await Promise.all(["keys", "tls"].map((name) => mkdir(join(folder, name))));
    return {
      folder: (name) => join(folder, name),
      inside: (name) => join(folder, name),
      parley: (...args) => [process.execPath, join(folder, "parley/bin/parley"), ...args],
      environment: { NODE_ENV: "production" },
    };
  }
  await run(process.execPath, ["deploy/image/collect-runtime.ts", folder], { cwd: root });
  await stagePlatform(join(folder, "parley"), { node: "/usr/local/bin/node" });
  await writeFile(join(folder, "etc/resolv.conf"), `nameserver ${front}\n`);
  await mkdir(join(folder, "proc"));
  await run("mount", ["-t", "proc", "proc", join(folder, "proc")]);
  await mkdir(join(folder, "tls"));
  // Temporary folders belong to their creator alone.
  await chmod(folder, 0o755);
  await chown(join(folder, "tls"), userId, userId);
  return {
    folder: (name) => join(folder, name),
    inside: (name) => `/${name}`,
    parley: (...args) => ["chroot", `--userspec=${userId}:${userId}`, folder, "/parley/bin/parley", ...args],
    environment: { NODE_ENV: "production" },
  };
}
