// Loaded into each target before its main.ts. Measures how long the event loop is blocked, in CPU time of the thread, so that other
// load on the machine does not count. Responds to {read} with the values since the last {reset}.
import { getHeapStatistics } from "node:v8";

/** The sampling interval, and the precision of a measured block. */
const intervalMs = 5;

export interface LoopReading {
  /** The most CPU time of the thread between two timer ticks, in milliseconds. */
  readonly blockedMaxMs: number;
  /** The thread's total CPU time, in milliseconds. */
  readonly cpuMs: number;
  /** Bytes allocated on V8's heap, garbage included. */
  readonly allocatedBytes: number;
  /** The peak of memory outside V8's heap, in bytes: buffers, not necessarily resident. */
  readonly externalMaxBytes: number;
}

let blockedMaxMs = 0;
let externalMaxBytes = 0;
let lastMs = cpuMs();
let start = { cpuMs: lastMs, allocated: allocatedBytes() };

function look() {
  const nowMs = cpuMs();
  blockedMaxMs = Math.max(blockedMaxMs, nowMs - lastMs);
  lastMs = nowMs;
  externalMaxBytes = Math.max(externalMaxBytes, getHeapStatistics().external_memory);
}

setInterval(look, intervalMs).unref();
process.on("message", (message: { readonly monitor?: "reset" | "read"; readonly id: number }) => {
  if (message.monitor === undefined) return;
  look();
  const reading: LoopReading = {
    blockedMaxMs,
    cpuMs: lastMs - start.cpuMs,
    allocatedBytes: allocatedBytes() - start.allocated,
    externalMaxBytes,
  };
  if (message.monitor === "reset") {
    blockedMaxMs = 0;
    externalMaxBytes = 0;
    start = { cpuMs: lastMs, allocated: allocatedBytes() };
  }
  process.send?.({ monitor: message.id, reading });
});
process.channel?.unref();

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function allocatedBytes(): number {
  return (getHeapStatistics() as { readonly total_allocated_bytes?: number }).total_allocated_bytes ?? 0;
}
