import type { Attack, TargetKind } from "../attack.ts";
import type { Attacker, StepMessage } from "./attacker.ts";
import type { GoodClient, GoodLoad, GoodResult } from "./good-client.ts";
import { callsInFlight, inFlightAfter } from "./in-flight.ts";
import { costsTooMuch } from "./judge.ts";
import { acceptQueueOverflows, peakBytes, resetPeak, residentBytes } from "./process-probe.ts";
import type { Row, StepCost } from "./row.ts";
import type { HostileStack } from "./stack.ts";
import type { TargetProcess } from "./target-process.ts";

export interface MeasureOptions {
  readonly kind: TargetKind;
  readonly scale: number;
  readonly seed: number;
  /** The good client's deadline. */
  readonly deadlineMs: number;
  /** How long the good client calls without an attack. */
  readonly idleMs: number;
  /** The minimum time that it calls during the attack. */
  readonly besideMs: number;
  /** How long after the attack the memory is measured again. */
  readonly afterMs: number;
  /** How long calls may stay in flight after the attack. */
  readonly inFlightMaxMs: number;
}

export interface MeasureParts {
  readonly stack: HostileStack;
  readonly good: GoodClient;
  readonly attacker: Attacker;
}

/**
 * The number of measurements of a request that exceeds its cost limits. The lowest counts, because garbage collection may fall
 * into a measurement.
 */
const triesMax = 3;
const attackMaxMsDefault = 20_000;
/** The minimum duration of an attack in the short form. */
const attackMaxMsLeast = 5_000;
/** The bytes that the good client's own calls may allocate while a request is measured. */
const goodAllocationBytes = 512 * 1024;

/** Runs one attack on one target, together with the good client. */
export async function measure(
  attack: Attack,
  { stack, good, attacker }: MeasureParts,
  options: MeasureOptions,
): Promise<Row> {
  const { kind, scale, seed } = options;
  const victim = attack.victim ?? "product";
  const tls = attack.needsTls === true ? await stack.withTls() : undefined;
  const path = tls === undefined ? stack.path(kind, victim) : [tls];
  const target = stack.target(kind, tls?.url);
  const load: GoodLoad = {
    url: tls?.url ?? target.urls[victim],
    kind,
    victim,
    token: stack.goodToken,
    userId: stack.goodUserId,
    // The catalogue of the TLS service contains only the sample products.
    productId: tls === undefined ? stack.productId : "101",
    deadlineMs: options.deadlineMs,
    pids: path.map(({ pid }) => pid),
  };
  const idle = await idleControl(good, load, options.idleMs);

  const before = await Promise.all(
    path.map(async ({ pid, ...each }) => ({
      bytes: residentBytes(pid),
      inFlight: await callsInFlight({ ...each, pid }),
    })),
  );
  for (const each of path) resetPeak(each.pid);
  await Promise.all(path.map((each) => each.loop("reset")));
  const seen = new Map<TargetProcess, Seen>(path.map((each) => [each, { blockedMs: 0, externalBytes: 0 }]));
  const steps = new Steps(path, seen);

  const overflowsBefore = acceptQueueOverflows();
  await good.start(load);
  const startMs = performance.now();
  const timeMaxMs = Math.max(attackMaxMsLeast, (attack.timeMaxMs ?? attackMaxMsDefault) * Math.min(1, scale * 2.5));
  const report = await attacker.run({ name: attack.name, target, scale, seed, timeMaxMs }, (step) => steps.take(step));
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, options.besideMs - (performance.now() - startMs))));
  const beside = await good.stop();
  const overflows = acceptQueueOverflows() - overflowsBefore;

  await Promise.all(path.map((each) => steps.note(each, "read")));
  const inFlight = await Promise.all(
    path.map((each, index) => inFlightAfter(each, expected(each, before[index]?.inFlight), options.inFlightMaxMs)),
  );
  await settle(
    path,
    before.map(({ bytes }) => bytes),
    options.afterMs,
  );
  return {
    attack: attack.name,
    kind,
    auth: stack.auth,
    judgesGoodClient: attack.isOverload !== true,
    idle,
    beside,
    processes: path.map((each, index) => ({
      name: each.name,
      beforeBytes: before[index]?.bytes ?? 0,
      peakBytes: peakBytes(each.pid),
      afterBytes: residentBytes(each.pid),
      inFlightBefore: expected(each, before[index]?.inFlight),
      inFlightAfter: inFlight[index],
      blockedMaxMs: seen.get(each)?.blockedMs,
      externalMaxBytes: seen.get(each)?.externalBytes ?? 0,
      isAlive: each.isAlive(),
    })),
    steps: steps.costs,
    findings: report.findings,
    note: `${report.note}${overflows > 0 ? `, ${overflows} connections dropped by the kernel` : ""}`,
  };
}

/** Calls in flight without a caller: the gateway's WatchStock stream, which reconnects. */
function expected({ name }: TargetProcess, before = 0): number {
  return name === "product" ? Math.max(1, before) : before;
}

/** Growth below this is ignored. */
const settledGrowthBytes = 50 * 1024 * 1024;

/** Waits while a process is larger than before, up to a limit. */
async function settle(path: readonly TargetProcess[], before: readonly number[], maxMs: number): Promise<void> {
  const endMs = performance.now() + maxMs;
  const isLarger = () => path.some(({ pid }, index) => residentBytes(pid) > (before[index] ?? 0) + settledGrowthBytes);
  while (isLarger() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 250));
}

const idleResults = new Map<string, GoodResult>();

/** Measured once for each target and service. */
async function idleControl(good: GoodClient, load: GoodLoad, idleMs: number): Promise<GoodResult> {
  const key = `${load.url} ${load.victim}`;
  const known = idleResults.get(key);
  if (known !== undefined) return known;
  await good.start(load);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const result = await good.stop();
  idleResults.set(key, result);
  return result;
}

/** The maxima of all loop monitor readings. */
interface Seen {
  blockedMs: number;
  externalBytes: number;
}

/** Measures an attack's requests one by one. */
class Steps {
  readonly costs: StepCost[] = [];
  readonly #path: readonly TargetProcess[];
  readonly #seen: ReadonlyMap<TargetProcess, Seen>;
  #tries = 0;

  constructor(path: readonly TargetProcess[], seen: ReadonlyMap<TargetProcess, Seen>) {
    this.#path = path;
    this.#seen = seen;
  }

  /** Returns whether to run the step again. */
  async take({ what, messageBytes, begins }: StepMessage): Promise<boolean> {
    if (begins) {
      await Promise.all(this.#path.map((each) => this.note(each, "reset")));
      return false;
    }
    const readings = await Promise.all(this.#path.map((each) => this.note(each, "read")));
    const cost = {
      what,
      messageBytes,
      blockedMs: Math.max(...readings.map((reading) => reading?.blockedMaxMs ?? 0)),
      allocatedBytes: Math.max(0, ...readings.map((reading) => (reading?.allocatedBytes ?? 0) - goodAllocationBytes)),
    };
    this.#tries++;
    if (costsTooMuch(cost) && this.#tries < triesMax) return true;
    this.#tries = 0;
    this.costs.push(cost);
    return false;
  }

  async note(target: TargetProcess, action: "reset" | "read") {
    const reading = await target.loop(action);
    const seen = this.#seen.get(target);
    if (seen !== undefined && reading !== undefined) {
      seen.blockedMs = Math.max(seen.blockedMs, reading.blockedMaxMs);
      seen.externalBytes = Math.max(seen.externalBytes, reading.externalMaxBytes);
    }
    return reading;
  }
}
