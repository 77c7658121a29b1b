// `npm run bench:idle`: the memory and start time of an idle service. Starts each service alone, as `parley up` does, several times;
// prints the medians with their limits, and exits with 1 if one is exceeded.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { styleText } from "node:util";
import { type ServiceDefinition, Stack, services } from "@parley/cli";

/** The first start is not counted: it fills Node's compile cache, which every later start uses. */
const roundsCounted = 5;
/** The time between the health check and the memory measurement, in milliseconds. Memory that only the start needed is then collected. */
const settleMs = 2_000;
const bars = { residentMegabytes: 100, startMs: 1_000 };
/** Outside the ports of a running stack. */
const portOffset = 9_000;

interface Measurement {
  readonly startMs: number;
  readonly residentMegabytes: number;
}

const folder = await mkdtemp(join(tmpdir(), "parley-idle-"));
try {
  console.log(`Idle cost of each service, median of ${roundsCounted} starts after one that warms up\n`);
  console.log("service        start to healthy   resident memory");
  let held = true;
  for (const service of services) {
    const rounds: Measurement[] = [];
    for (let round = 0; round <= roundsCounted; round++) {
      rounds.push(await measure(service, join(folder, `${service.name}-${round}`)));
    }
    const counted = rounds.slice(1);
    const startMs = median(counted.map((one) => one.startMs));
    const residentMegabytes = median(counted.map((one) => one.residentMegabytes));
    held &&= startMs <= bars.startMs && residentMegabytes <= bars.residentMegabytes;
    const start = mark(`${startMs.toFixed(0)} ms`.padStart(10), startMs <= bars.startMs);
    const memory = mark(`${residentMegabytes.toFixed(0)} MB`.padStart(10), residentMegabytes <= bars.residentMegabytes);
    console.log(
      `${service.name.padEnd(12)} ${start}         ${memory}   (first start ${rounds[0]?.startMs.toFixed(0)} ms)`,
    );
  }
  console.log(
    `\nGoals: at most ${bars.startMs} ms and ${bars.residentMegabytes} MB. ${held ? "All are met." : "Some are missed."}`,
  );
  process.exitCode = held ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(service: ServiceDefinition, dataFolder: string): Promise<Measurement> {
  const lines: string[] = [];
  const stack = new Stack([service], {
    shell: process.env,
    settings: { services, dataFolder, portOffset, logLevel: "info" },
    onLine: (_name, line) => lines.push(line),
  });
  const [member] = stack.members;
  try {
    const startMs = (await member?.healthy) ?? Number.NaN;
    await wait(settleMs);
    return { startMs, residentMegabytes: await residentMegabytesOf(member?.process.pid) };
  } catch (error) {
    throw new Error(`${service.name} did not start:\n${lines.join("\n")}`, { cause: error });
  } finally {
    await stack.drain();
  }
}

/** Linux: VmRSS of /proc/<pid>/status (proc(5)), in megabytes of 1,000,000 bytes. */
async function residentMegabytesOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  return (kibibytes * 1_024) / 1_000_000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function mark(text: string, holds: boolean): string {
  return styleText(holds ? "green" : "red", text);
}
