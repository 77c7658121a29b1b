import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect } from "node:http2";
import { setTimeout as wait } from "node:timers/promises";
import type { Load, LoadResult } from "./load.ts";

/** The fallback without h2load: the same load from Node, with less precise results. */
const wanted = JSON.parse(process.argv[2] ?? "") as Omit<Load, "body"> & { readonly body: string };
const { url, contentType, httpVersion, seconds, inFlight = 64, callsPerSecond } = wanted;
const body = readFileSync(wanted.body);
const { origin, pathname, hostname, port } = new URL(url);
const sessions = httpVersion === 2 ? Array.from({ length: 4 }, () => connect(origin)) : [];
const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
const millis: number[] = [];
let failed = 0;

function call(worker: number): Promise<number> {
  return new Promise((resolve) => {
    const session = sessions[worker % sessions.length];
    if (session === undefined) {
      const headers = { "content-type": contentType, "content-length": body.length };
      request({ hostname, port, path: pathname, method: "POST", agent, headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      })
        .on("error", () => resolve(0))
        .end(body);
      return;
    }
    const stream = session.request({
      ":method": "POST",
      ":path": pathname,
      "content-type": contentType,
      te: "trailers",
    });
    let status = 0;
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.on("error", () => {});
    stream.on("close", () => resolve(status));
    stream.resume().end(body);
  });
}

async function work(worker: number): Promise<void> {
  const everyMs = callsPerSecond === undefined ? 0 : (inFlight / callsPerSecond) * 1000;
  while (performance.now() < endMs) {
    const startMs = performance.now();
    failed += (await call(worker)) === 200 ? 0 : 1;
    const tookMs = performance.now() - startMs;
    millis.push(tookMs);
    if (tookMs < everyMs) {
      await wait(everyMs - tookMs);
    }
  }
}

const endMs = performance.now() + seconds * 1000;
await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));
millis.sort((a, b) => a - b);
const at = (share: number) => millis[Math.floor(millis.length * share)] ?? Number.NaN;
const result: LoadResult = {
  calls: millis.length,
  failed,
  callsPerSecond: millis.length / seconds,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
};
console.log(JSON.stringify(result));
process.exit(0);
