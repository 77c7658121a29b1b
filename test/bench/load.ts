import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onCore } from "./pinned-process.ts";

const run = promisify(execFile);

/** A repeated request to a server. */
export interface Load {
  readonly url: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly httpVersion: 1 | 2;
  readonly seconds: number;
  /** Calls in flight, on 4 connections over HTTP/2. 64 by default. */
  readonly inFlight?: number;
  /** Calls a second over all connections. Unlimited by default. */
  readonly callsPerSecond?: number;
  /** The core of the load generator. 1 by default. */
  readonly core?: number | "any";
}

export interface LoadResult {
  readonly calls: number;
  readonly failed: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const connections = 4;
/** The additional time that the tool may take: h2load waits for responses, which may never arrive. */
const overtimeMs = 20_000;

/** The load generator. `h2load` needs a third of the CPU time of a Node driver. */
export const tool = spawnSync("h2load", ["--version"]).status === 0 ? "h2load" : "node";

/** Loads a server from another core, and returns the result. */
export async function load(wanted: Load): Promise<LoadResult> {
  const folder = await mkdtemp(join(tmpdir(), "parley-load-"));
  try {
    const body = join(folder, "body");
    await writeFile(body, wanted.body);
    return tool === "h2load" ? await withH2load(wanted, { folder, body }) : await withDriver(wanted, body);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function withH2load(
  { url, contentType, httpVersion, seconds, inFlight = 64, callsPerSecond, core = 1 }: Load,
  { folder, body }: { readonly folder: string; readonly body: string },
): Promise<LoadResult> {
  const log = join(folder, "log");
  const clients = httpVersion === 1 ? inFlight : connections;
  const streams = httpVersion === 1 ? 1 : inFlight / connections;
  const [program = "h2load", ...args] = onCore(core, [
    ...["h2load", "-c", String(clients), "-m", String(streams), "-D", String(seconds), "-d", body],
    ...(httpVersion === 1 ? ["--h1"] : []),
    ...(callsPerSecond === undefined ? [] : ["--rps", String(Math.max(1, Math.round(callsPerSecond / clients)))]),
    ...["-H", `content-type: ${contentType}`, "-H", "te: trailers", "--log-file", log, url],
  ]);
  const { stdout } = await run(program, args, { maxBuffer: 1 << 24, ...within(seconds) });
  const rate = Number(/finished in .*?, ([\d.]+) req\/s/.exec(stdout)?.[1]);
  const failed = Number(/(\d+) failed/.exec(stdout)?.[1]);
  const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "");
  // Each line: start in microseconds, status, duration in microseconds.
  const micros = Float64Array.from(lines, (line) => Number(line.split("\t")[2])).sort();
  const not200 = lines.filter((line) => line.split("\t")[1] !== "200").length;
  return {
    calls: lines.length,
    failed: failed + not200,
    callsPerSecond: rate,
    p50Ms: quantile(micros, 0.5) / 1000,
    p99Ms: quantile(micros, 0.99) / 1000,
  };
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

async function withDriver(wanted: Load, body: string): Promise<LoadResult> {
  const driver = join(import.meta.dirname, "load-driver.ts");
  const [program = "node", ...args] = onCore(wanted.core ?? 1, [
    process.execPath,
    driver,
    JSON.stringify({ ...wanted, body }),
  ]);
  return JSON.parse((await run(program, args, within(wanted.seconds))).stdout) as LoadResult;
}

function within(seconds: number) {
  return { timeout: seconds * 1000 + overtimeMs, killSignal: "SIGKILL" } as const;
}
