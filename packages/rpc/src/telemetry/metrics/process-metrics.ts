import { readdirSync, readFileSync } from "node:fs";
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { getHeapSpaceStatistics } from "node:v8";
import type { Registry } from "prom-client";
import { durationFamily, readFamily } from "../metric-family.ts";

/** The interval at which the event-loop delay is measured, in milliseconds: short enough to detect a stall, long enough to cost little. */
const delayResolutionMs = 100;

/**
 * Metrics of the process and of Node. prom-client's defaults are not used: their event-loop lag includes the timer's interval, and some gauges have
 * names of counters.
 */
export function collectProcessMetrics(registry: Registry): void {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  const isLinux = process.platform === "linux";
  gauge(registry, "process_start_time_seconds", "Start time of the process, in seconds since the Unix epoch.", () =>
    Math.round(performance.timeOrigin / 1_000),
  );
  counter(registry, "process_cpu_seconds_total", "User and system CPU time of the process.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(registry, "process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  if (isLinux) {
    gauge(registry, "process_open_fds", "Open file descriptors.", () => readdirSync("/proc/self/fd").length - 1);
    gauge(registry, "process_max_fds", "File descriptors that may be open.", maxFds);
  }
  gauge(registry, "nodejs_heap_used_bytes", "Used bytes of V8's heap.", () => process.memoryUsage().heapUsed);
  gauge(registry, "nodejs_heap_size_bytes", "Size of V8's heap.", () => process.memoryUsage().heapTotal);
  gauge(
    registry,
    "nodejs_external_memory_bytes",
    "Memory of objects outside of V8's heap, buffers included.",
    () => process.memoryUsage().external,
  );
  readFamily(registry, {
    name: "nodejs_heap_space_used_bytes",
    help: "Used bytes of V8's heap, by space.",
    type: "gauge",
    read: () =>
      getHeapSpaceStatistics().map(({ space_name, space_used_size }) => ({
        labels: { space: space_name.replace(/_space$/, "") },
        value: space_used_size,
      })),
  });
  readFamily(registry, {
    name: "nodejs_eventloop_delay_seconds",
    help: "Event-loop delay since the previous scrape, as percentiles. 0 when idle.",
    type: "gauge",
    read: () => {
      // The measured time includes the timer's interval, which is not a delay.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - delayResolutionMs / 1e3);
      const samples = [0.5, 0.99, 1].map((quantile) => ({
        labels: { percentile: String(quantile * 100) },
        value: delay.count === 0 ? 0 : late(quantile === 1 ? delay.max : delay.percentile(quantile * 100)),
      }));
      delay.reset();
      return samples;
    },
  });
  counter(
    registry,
    "nodejs_eventloop_active_seconds_total",
    "Time that the event loop was active, not idle.",
    () => performance.eventLoopUtilization().active / 1_000,
  );
  observeGarbageCollection(registry);
  gauge(
    registry,
    "nodejs_active_resources",
    "Resources that keep the event loop alive: sockets, timers, requests.",
    () => process.getActiveResourcesInfo().length,
  );
}

function observeGarbageCollection(registry: Registry): void {
  const family = durationFamily(registry, {
    name: "nodejs_gc_duration_seconds",
    help: "Pauses for garbage collection, by kind: minor, incremental, major, weak.",
  });
  const kinds = new Map([
    [constants.NODE_PERFORMANCE_GC_MINOR, family.series({ kind: "minor" })],
    [constants.NODE_PERFORMANCE_GC_MAJOR, family.series({ kind: "major" })],
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL, family.series({ kind: "incremental" })],
    [constants.NODE_PERFORMANCE_GC_WEAKCB, family.series({ kind: "weak" })],
  ]);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } }).detail;
      kinds.get(kind)?.observe(entry.duration / 1_000);
    }
  }).observe({ entryTypes: ["gc"] });
}

function maxFds(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
}

function gauge(registry: Registry, name: string, ...[help, read]: [help: string, read: () => number]): void {
  readFamily(registry, { name, help, type: "gauge", read: () => [{ labels: {}, value: read() }] });
}

function counter(registry: Registry, name: string, ...[help, read]: [help: string, read: () => number]): void {
  readFamily(registry, { name, help, type: "counter", read: () => [{ labels: {}, value: read() }] });
}
