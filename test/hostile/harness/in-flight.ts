import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import type { TargetProcess } from "./target-process.ts";

/** How long one look at the metrics may take, in milliseconds: a service that is held answers late. */
const lookMaxMs = 10_000;

/** Calls that a server says are in flight (`parley_server_calls_in_flight`); undefined if it does not answer. */
export async function callsInFlight({ url, adminUrl }: TargetProcess): Promise<number | undefined> {
  // Where metrics have a port of their own, the public one has none.
  for (const base of [adminUrl, url]) {
    try {
      const found = /^parley_server_calls_in_flight (\d+)/m.exec(await page(`${base}/metrics`))?.[1];
      if (found !== undefined) return Number(found);
    } catch {
      // No process listens there, or not now.
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

/** A page's text; the certificate of a test is trusted. */
function page(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(lookMaxMs);
    const options = { signal, agent: false as const };
    const request = url.startsWith("https:")
      ? getHttps(url, { ...options, rejectUnauthorized: false })
      : getHttp(url, options);
    request.on("error", reject).on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject).on("end", () => resolve(text));
    });
  });
}
