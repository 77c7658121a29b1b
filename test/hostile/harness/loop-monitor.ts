// Loaded into each target before its main.ts. Measures how long the event loop is held, by the thread's CPU time: a machine that is busy
// with something else does not count. Returns {read} with what was seen since the last {reset}.
import { getHeapStatistics } from "node:v8";

/** How often the loop is looked at. A hold is found to within this. */
const intervalMs = 5;

export interface LoopReading {
  /** The most CPU time that the thread spent between two turns of a timer, in milliseconds. */
  readonly heldMaxMs: number;
  /** All CPU time that it spent, in milliseconds. */
  readonly cpuMs: number;
  /** Bytes allocated on V8's heap, garbage included. */
  readonly allocatedBytes: number;
  /** The most memory that was held outside of V8's heap, in bytes: buffers. Not all of it need be resident. */
  readonly externalMaxBytes: number;
}

let heldMaxMs = 0;
let externalMaxBytes = 0;
let lastMs = cpuMs();
let start = { cpuMs: lastMs, allocated: allocatedBytes() };

function look() {
  const nowMs = cpuMs();
  heldMaxMs = Math.max(heldMaxMs, nowMs - lastMs);
  lastMs = nowMs;
  externalMaxBytes = Math.max(externalMaxBytes, getHeapStatistics().external_memory);
}

setInterval(look, intervalMs).unref();
process.on("message", (message: { readonly monitor?: "reset" | "read"; readonly id: number }) => {
  if (message.monitor === undefined) return;
  look();
  const reading: LoopReading = {
    heldMaxMs,
    cpuMs: lastMs - start.cpuMs,
    allocatedBytes: allocatedBytes() - start.allocated,
    externalMaxBytes,
  };
  if (message.monitor === "reset") {
    heldMaxMs = 0;
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
