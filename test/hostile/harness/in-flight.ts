import type { TargetProcess } from "./target-process.ts";

/** How long one look at the metrics may take, in milliseconds: a service that is held answers late. */
const lookMaxMs = 10_000;

/** Calls that a server says are in flight (`parley_server_calls_in_flight`); undefined if it does not answer. */
export async function callsInFlight({ url, adminUrl }: TargetProcess): Promise<number | undefined> {
  // Where metrics have a port of their own, the public one has none.
  for (const base of [adminUrl, url]) {
    try {
      const response = await fetch(`${base}/metrics`, { signal: AbortSignal.timeout(lookMaxMs) });
      const found = /^parley_server_calls_in_flight (\d+)/m.exec(await response.text())?.[1];
      if (found !== undefined) return Number(found);
    } catch {
      // Nobody listens there, or not now.
    }
  }
  return undefined;
}

/** Looks until no more calls are in flight than before, or time is over; what was seen last. */
export async function inFlightAfter(target: TargetProcess, before: number, maxMs: number): Promise<number | undefined> {
  const endMs = performance.now() + maxMs;
  for (;;) {
    const now = await callsInFlight(target);
    if ((now !== undefined && now <= before) || performance.now() > endMs || !target.isAlive()) return now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
