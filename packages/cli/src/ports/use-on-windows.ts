import type { PortUse } from "./port-use.ts";
import { outputOf } from "./system-command.ts";

/** netstat lists the sockets with their processes, tasklist a process's program (learn.microsoft.com, "Windows commands"). */
export async function useOnWindows(port: number): Promise<PortUse> {
  const output = await outputOf("netstat", ["-ano"]);
  if (output === undefined) {
    return { kind: "unknown" };
  }
  const found = socketOf(port, output);
  if (found === undefined) {
    return { kind: "none" };
  }
  const tasks = await outputOf("tasklist", ["/FI", `PID eq ${found.pid}`, "/FO", "CSV", "/NH"]);
  return { kind: found.kind, owner: { pid: found.pid, command: programOf(tasks ?? "") } };
}

/**
 * The socket with this local port, from the rows `TCP <local> <remote> <state> <pid>`. The states are translated on
 * Windows of other languages, so a listener is recognised by its remote address, which has the port 0.
 */
export function socketOf(port: number, output: string): { kind: "listening" | "connected"; pid: number } | undefined {
  const own = output
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/))
    .filter(([protocol, local = ""]) => protocol === "TCP" && local.endsWith(`:${port}`))
    .map((row) => ({ remote: row[2] ?? "", pid: Number(row.at(-1)) }))
    // A closed connection in TIME_WAIT belongs to no process: its id is 0.
    .filter(({ pid }) => pid > 0);
  const listening = own.find(({ remote }) => remote.endsWith(":0"));
  const [connected] = own;
  if (listening !== undefined) {
    return { kind: "listening", pid: listening.pid };
  }
  return connected === undefined ? undefined : { kind: "connected", pid: connected.pid };
}

/** The program of the first row, `"node.exe","4711","Console",…`; empty if there is none. */
export function programOf(tasks: string): string {
  return /^"([^"]*)"/m.exec(tasks)?.[1] ?? "";
}
