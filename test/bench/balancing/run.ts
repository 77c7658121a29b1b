import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { systemEnvironment } from "@parley/rpc";
import { type BalancingPolicy, ConnectionPool, createServiceClient } from "@parley/rpc/client";
import { median, printTable } from "../table.ts";
import type { Mood } from "./replica.ts";

/**
 * `npm run bench:balancing`: three replicas of a service, one of which is slow, fails its calls, or is stopped (SIGSTOP).
 * Reports the callers' results after the first second, by policy. `--seconds 2` for each measurement, `--callers 16`,
 * `--rounds 1`. Exits with 1 if the limit is exceeded: with least_request, p99 with one replica stopped is at most 3 times that
 * of three healthy ones.
 */
const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    callers: { type: "string", default: "16" },
    rounds: { type: "string", default: "1" },
  },
});
const seconds = Number(options.seconds);
const callers = Number(options.callers);

/** How long a fault lasts before the measurement starts. */
const settleMs = 1000;
const barTimes = 3;
/** The contract's deadline of Echo. A failed call counts as having taken this long. */
const deadlineMs = 1000;

type Fault = "none" | "slow" | "failing" | "stopped";
const faults: readonly Fault[] = ["none", "slow", "failing", "stopped"];
const policies: readonly BalancingPolicy[] = ["pick_first", "round_robin", "least_request"];

interface Replica {
  readonly process: ChildProcess;
  readonly port: number;
}

async function startReplica(): Promise<Replica> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("replica.ts", import.meta.url))], {
    stdio: ["ignore", "inherit", "inherit", "pipe", "ipc"],
  });
  const lines = createInterface({ input: child.stdio[3] as Readable });
  const [port] = (await once(lines, "line")) as [string];
  return { process: child, port: Number(port) };
}

async function apply(fault: Fault, { process: child }: Replica): Promise<void> {
  if (fault === "stopped") {
    child.kill("SIGSTOP");
    return;
  }
  child.kill("SIGCONT");
  const mood: Mood = fault === "none" ? "healthy" : fault;
  const done = once(child, "message");
  child.send(mood);
  await done;
}

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failedPercent: number;
}

async function measure(policy: BalancingPolicy, fault: Fault, replicas: readonly Replica[]): Promise<Measured> {
  const [bad] = replicas as [Replica];
  await apply("none", bad);
  const environment = systemEnvironment({ name: "bench", logLevel: "silent" });
  const pool = new ConnectionPool(environment);
  const target = replicas.map(({ port }) => `127.0.0.1:${port}`).join();
  const client = createServiceClient(EchoService, target, {
    environment,
    pool,
    connection: { balancing: policy },
  });
  const durationsMs: number[] = [];
  let failed = 0;
  let counting = false;
  let over = false;
  const loops = Array.from({ length: callers }, async () => {
    while (!over) {
      const startMs = performance.now();
      const counts = counting;
      const ok = await client.echo({ message: "hello" }).then(
        () => true,
        () => false,
      );
      if (counts) {
        // A fast refusal does not count as a fast call.
        durationsMs.push(ok ? performance.now() - startMs : deadlineMs);
        failed += ok ? 0 : 1;
      }
      if (!ok) {
        // The backoff of a client that gets UNAVAILABLE.
        await sleep(5);
      }
    }
  });
  // Keeps the process alive: the clock's timers are unreferenced, and a stopped replica sends nothing.
  await sleep(500);
  await apply(fault, bad);
  await sleep(settleMs);
  counting = true;
  await sleep(seconds * 1000);
  over = true;
  await Promise.all(loops);
  await apply("none", bad);
  pool.close();
  durationsMs.sort((one, other) => one - other);
  const at = (share: number) => durationsMs[Math.floor(durationsMs.length * share)] ?? Number.NaN;
  return {
    perSecond: (durationsMs.length - failed) / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    failedPercent: (100 * failed) / durationsMs.length,
  };
}

const replicas = await Promise.all([startReplica(), startReplica(), startReplica()]);
const results = new Map<string, Measured[]>();
for (let round = 0; round < Number(options.rounds); round++) {
  for (const fault of faults) {
    for (const policy of policies) {
      const key = `${fault} ${policy}`;
      results.set(key, [...(results.get(key) ?? []), await measure(policy, fault, replicas)]);
    }
  }
}
for (const { process: child } of replicas) {
  child.kill("SIGKILL");
}

const of = (fault: Fault, policy: BalancingPolicy, value: keyof Measured) =>
  median((results.get(`${fault} ${policy}`) ?? []).map((measured) => measured[value]));
console.log(
  `\n${callers} callers, three replicas, the first with a fault; after one second of it, ${seconds} s each\n`,
);
printTable(
  ["fault", "policy", "answered/s", "p50 ms", "p99 ms", "failed", "p99 against healthy"],
  faults.flatMap((fault) =>
    policies.map((policy) => [
      fault,
      policy,
      of(fault, policy, "perSecond").toFixed(0),
      of(fault, policy, "p50Ms").toFixed(1),
      of(fault, policy, "p99Ms").toFixed(1),
      `${of(fault, policy, "failedPercent").toFixed(1)} %`,
      (of(fault, policy, "p99Ms") / of("none", policy, "p99Ms")).toFixed(2),
    ]),
  ),
);
for (const fault of faults.slice(1)) {
  const times = of(fault, "pick_first", "p99Ms") / of(fault, "least_request", "p99Ms");
  console.log(`\n${fault}: p99 of pick_first is ${times.toFixed(1)} times that of least_request`);
}
const stopped = of("stopped", "least_request", "p99Ms") / of("none", "least_request", "p99Ms");
const reached = stopped <= barTimes;
console.log(
  `\none of three stopped, least_request: p99 ${stopped.toFixed(2)} times the healthy one; the goal is ${barTimes}: ${reached ? "reached" : "missed"}`,
);
process.exit(reached ? 0 : 1);
