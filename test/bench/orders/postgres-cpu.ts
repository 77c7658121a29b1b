import { readdir, readFile } from "node:fs/promises";

/** The CPU time of a PostgreSQL server and of the processes of its connections, in microseconds, since it started. */
export async function postgresCpuMicros(serverPid: number): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const times = await Promise.all(pids.map((pid) => cpuTicks(Number(pid), serverPid)));
  return times.reduce((sum, ticks) => sum + ticks, 0) * tickMicros;
}

/** The clock tick of proc(5) on Linux: a hundredth of a second. */
const tickMicros = 10_000;

/** The ticks of one process, if it is the server or its child. Of children that ended the server has the ticks (`cutime`, `cstime`). */
async function cpuTicks(pid: number, serverPid: number): Promise<number> {
  // A process may end meanwhile.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, parent, ...fields] = stat.split(") ")[1]?.split(" ") ?? [];
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(9, 13).map(Number);
  if (pid === serverPid) return user + system + endedUser + endedSystem;
  return Number(parent) === serverPid ? user + system : 0;
}
