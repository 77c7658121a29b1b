import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../processes/eventually.ts";
import type { Program } from "../../processes/program.ts";
import { serviceProgram } from "../../processes/service-program.ts";
import { testedHttp2 } from "../environment.ts";
import { grpcCall, http1Call, type LoadReport, startLoad } from "./load.ts";
import type { ProxyOptions, ReverseProxy } from "./proxies.ts";

export interface RollingOptions {
  readonly proxy: (options: ProxyOptions) => Promise<ReverseProxy>;
  readonly path: string;
  readonly protocol: "HTTP/1.1" | "gRPC";
  /** The number of restarts of each backend. */
  readonly rounds: number;
  readonly callers?: number;
}

export interface RollingReport extends LoadReport {
  readonly restarts: number;
  /** When backends received SIGTERM and when they exited, on the clock of the calls. */
  readonly events: readonly { readonly atMs: number; readonly what: string }[];
}

/** Restarts two echo services in turn behind a proxy, under load. Each restart waits until the other service is healthy. */
export async function rollingRestarts({
  proxy,
  path,
  protocol,
  rounds,
  callers = 32,
}: RollingOptions): Promise<RollingReport> {
  const folder = await mkdtemp(join(tmpdir(), "parley-rolling-"));
  const backends: Program[] = [];
  const events: { atMs: number; what: string }[] = [];
  const note = (what: string) => events.push({ atMs: performance.now(), what });
  for (const name of ["a", "b"]) {
    backends.push(
      await serviceProgram({
        name: `echo-${name}`,
        main: "packages/echo/src/echo-a-main.ts",
        databasePath: join(folder, `${name}.db`),
        settings: { CALLS_MAX: "10000", HTTP2_IMPLEMENTATION: testedHttp2() },
      }),
    );
  }
  const front = await proxy({ path, folder, backends: backends.map(({ url }) => new URL(url).host) });
  try {
    await Promise.all(backends.map((backend) => backend.start()));
    await front.program.start();
    const { call, close } = protocol === "gRPC" ? grpcCall(front.grpc) : http1Call(front.http1, callers);
    const load = startLoad(callers, call);
    for (let round = 0; round < rounds; round++) {
      for (const backend of backends) {
        await settle(front);
        note(`${backend.name} got SIGTERM`);
        backend.signal("SIGTERM");
        await backend.ended();
        note(`${backend.name} exited`);
        await backend.start();
        note(`${backend.name} serves`);
      }
    }
    await settle(front);
    const report = await load.stop();
    close();
    return { ...report, restarts: rounds * backends.length, events };
  } finally {
    await Promise.all([front.program.kill(), ...backends.map((backend) => backend.kill())]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits until the proxy has both backends in use, and then for the time that it needs to connect to both. */
async function settle(front: ReverseProxy): Promise<void> {
  if (!(await eventually(() => front.isComplete(), Boolean, 60_000))) {
    throw new Error(`${front.program.name} did not use a restarted backend again:\n${front.program.output()}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}

/** The number of lost calls, and the first few with the preceding events. */
export function describeLost({ lost, events }: RollingReport): string {
  const first = lost.slice(0, 3).map(({ atMs, why }) => {
    const before = events.findLast((event) => event.atMs <= atMs);
    return `${why}, ${before === undefined ? "at the start" : `${(atMs - before.atMs).toFixed(0)} ms after ${before.what}`}`;
  });
  return `${lost.length} lost: ${first.join("; ")}`;
}
