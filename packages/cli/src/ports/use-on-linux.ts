import { readdir, readFile, readlink } from "node:fs/promises";
import type { PortUse } from "./port-use.ts";

/** /proc/net/tcp lists the sockets of a port and their inodes, and /proc/<pid>/fd their processes (proc(5)). */
export async function useOnLinux(port: number): Promise<PortUse> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((table) => readFile(table, "utf8").catch(() => "")),
  );
  const sockets = tables.flatMap((table) => socketsOf(port, table));
  const listening = sockets.filter(({ state }) => state === listenState);
  const [found] = listening.length > 0 ? listening : sockets.filter(({ state }) => state !== timeWaitState);
  if (found === undefined) {
    return { kind: tables.every((table) => table === "") ? "unknown" : "none" };
  }
  const pid = await pidOf(found.inode);
  const kind = found.state === listenState ? "listening" : "connected";
  return pid === undefined ? { kind } : { kind, owner: { pid, command: await commandOf(pid) } };
}

/** States by the kernel's numbers (include/net/tcp_states.h). TIME_WAIT does not prevent listening. */
const listenState = "0A";
const timeWaitState = "06";

interface TableRow {
  readonly state: string;
  readonly inode: string;
}

/** The rows of a table with this local port. */
export function socketsOf(port: number, table: string): readonly TableRow[] {
  return table
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
      return Number.parseInt(local.split(":")[1] ?? "", 16) === port ? [{ state, inode }] : [];
    });
}

async function pidOf(inode: string): Promise<number | undefined> {
  const wanted = `socket:[${inode}]`;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "")) === wanted) {
        return Number(pid);
      }
    }
  }
  return undefined;
}

async function commandOf(pid: number): Promise<string> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.split("\0").join(" ").trim();
}
