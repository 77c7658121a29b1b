import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/** The process that listens on a port. */
export interface PortOwner {
  readonly pid: number;
  /** Its command line. */
  readonly command: string;
}

/** The longest command line shown, in characters. */
const commandLengthMax = 100;

/** Who listens on a TCP port of this machine. Undefined where this user may not see it, or the machine has no way to tell. */
export async function findPortOwner(port: number): Promise<PortOwner | undefined> {
  const pid = process.platform === "linux" ? await fromProc(port) : await fromLsof(port);
  if (pid === undefined) {
    return undefined;
  }
  const command = await commandOf(pid);
  return { pid, command: command.length > commandLengthMax ? `${command.slice(0, commandLengthMax - 1)}…` : command };
}

/** Linux: /proc/net/tcp names the socket's inode, and /proc/<pid>/fd whose it is (proc(5)). */
async function fromProc(port: number): Promise<number | undefined> {
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readFile(table, "utf8").catch(() => "")).split("\n").slice(1)) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      const listening = state === "0A";
      if (listening && Number.parseInt(local.split(":")[1] ?? "", 16) === port && inode !== undefined) {
        inodes.add(`socket:[${inode}]`);
      }
    }
  }
  if (inodes.size === 0) {
    return undefined;
  }
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      if (inodes.has(await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ""))) {
        return Number(pid);
      }
    }
  }
  return undefined;
}

async function fromLsof(port: number): Promise<number | undefined> {
  const pid = Number.parseInt(await output("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-t"]), 10);
  return Number.isNaN(pid) ? undefined : pid;
}

async function commandOf(pid: number): Promise<string> {
  if (process.platform === "linux") {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return commandLine.split("\0").join(" ").trim();
  }
  return (await output("ps", ["-o", "command=", "-p", String(pid)])).trim();
}

async function output(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(command, args)).stdout;
  } catch {
    // The tool is not there, or has nothing to say: the port's owner stays unnamed.
    return "";
  }
}
