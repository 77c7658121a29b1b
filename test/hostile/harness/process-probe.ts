import { readFileSync, writeFileSync } from "node:fs";

const pageBytes = 4_096;

/** Resident memory of a process now, in bytes; 0 once it is gone. */
export function residentBytes(pid: number): number {
  const fields = read(`/proc/${pid}/statm`).split(" ");
  return Number(fields[1] ?? 0) * pageBytes;
}

/** The most resident memory since {@link resetPeak}, in bytes. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1_024;
}

/** Begins the measurement of the peak anew (proc_pid_clear_refs(5), value 5). */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // The process is gone, which the caller finds by itself.
  }
}

/** How long the thread of the event loop was ready to run and had no core, in milliseconds (schedstat, the second number). */
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
 * Connections that the kernel dropped since an accept queue was full: their clients try again after a second (TcpExtListenOverflows, of the whole network
 * namespace). 0 where the kernel does not tell.
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
