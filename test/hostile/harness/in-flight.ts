import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import type { TargetProcess } from "./target-process.ts";

/** The timeout for reading the metrics, in milliseconds: a service with a blocked event loop responds late. */
const lookMaxMs = 10_000;

/** The calls in flight by the server's own metric (`parley_server_calls_in_flight`). Undefined if it does not respond. */
export async function callsInFlight({ url, adminUrl }: TargetProcess): Promise<number | undefined> {
  // With a separate admin port, the public port has no metrics.
  for (const base of [adminUrl, url]) {
    try {
      const found = /^parley_server_calls_in_flight (\d+)/m.exec(await page(`${base}/metrics`))?.[1];
      if (found !== undefined) return Number(found);
    } catch {
      // No process is listening there.
    }
  }
  return undefined;
}

/** Polls until no more calls are in flight than before, or the time has passed. Returns the last value. */
export async function inFlightAfter(target: TargetProcess, before: number, maxMs: number): Promise<number | undefined> {
  const endMs = performance.now() + maxMs;
  for (;;) {
    const now = await callsInFlight(target);
    if ((now !== undefined && now <= before) || performance.now() > endMs || !target.isAlive()) return now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The text of a page. Trusts the test's certificate. */
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
