import { readFileSync, writeFileSync } from "node:fs";

const pageBytes = 4_096;

/** The resident memory of a process, in bytes. 0 if it has exited. */
export function residentBytes(pid: number): number {
  const fields = read(`/proc/${pid}/statm`).split(" ");
  return Number(fields[1] ?? 0) * pageBytes;
}

/** The peak of resident memory since {@link resetPeak}, in bytes. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1_024;
}

/** Resets the peak (proc_pid_clear_refs(5), value 5). */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // The process has exited; the caller detects that itself.
  }
}

/** How long the event loop's thread was ready to run without a core, in milliseconds (schedstat, second number). */
export function mainThreadDelayMs(pid: number): number {
  return Number(read(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[1] ?? 0) / 1e6;
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/**
 * Connections that the kernel dropped because an accept queue was full: their clients retry after a second
 * (TcpExtListenOverflows, of the whole network namespace). 0 if the kernel does not report it.
 */
export function acceptQueueOverflows(): number {
  try {
    const [names = [], values = []] = readFileSync("/proc/net/netstat", "utf8")
      .split("\n")
      .filter((line) => line.startsWith("TcpExt:"))
      .map((line) => line.split(" "));
    return Number(values[names.indexOf("ListenOverflows")] ?? 0);
  } catch {
    return 0;
  }
}
