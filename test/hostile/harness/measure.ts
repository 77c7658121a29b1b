import type { Attack, TargetKind } from "../attack.ts";
import type { Attacker, StepMessage } from "./attacker.ts";
import type { GoodClient, GoodLoad, GoodResult } from "./good-client.ts";
import { callsInFlight, inFlightAfter } from "./in-flight.ts";
import { costsTooMuch } from "./judge.ts";
import { peakBytes, residentBytes, resetPeak } from "./process-probe.ts";
import type { Row, StepCost } from "./row.ts";
import type { HostileStack } from "./stack.ts";
import type { TargetProcess } from "./target-process.ts";

export interface MeasureOptions {
  readonly kind: TargetKind;
  readonly scale: number;
  readonly seed: number;
  /** The good client's own deadline. */
  readonly deadlineMs: number;
  /** How long the good client calls with nobody beside it. */
  readonly idleMs: number;
  /** The shortest time that it calls beside the attack. */
  readonly besideMs: number;
  /** How long after the attack the memory is looked at again. */
  readonly afterMs: number;
  /** How long calls may stay in flight after the attacker is gone. */
  readonly inFlightMaxMs: number;
}

export interface MeasureParts {
  readonly stack: HostileStack;
  readonly good: GoodClient;
  readonly attacker: Attacker;
}

/** How often a request that costs too much is measured: its least cost counts, since garbage of others may be collected in between. */
const triesMax = 3;
const attackMaxMsDefault = 20_000;
/** The short form's attacks have at least this long. */
const attackMaxMsLeast = 5_000;
/** What the good client's own calls may allocate while a request is measured. */
const goodAllocationBytes = 512 * 1024;

/** Runs one attack on one target with the good client beside it. */
export async function measure(attack: Attack, { stack, good, attacker }: MeasureParts, options: MeasureOptions): Promise<Row> {
  const { kind, scale, seed } = options;
  const victim = attack.victim ?? "product";
  const tls = attack.needsTls === true ? await stack.withTls() : undefined;
  const path = tls === undefined ? stack.path(kind, victim) : [tls];
  const target = stack.target(kind, tls?.url);
  const load: GoodLoad = {
    url: target.urls[victim],
    kind,
    victim,
    token: stack.token,
    userId: stack.userId,
    productId: stack.productId,
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
  const heldMs = new Map<TargetProcess, number>(path.map((each) => [each, 0]));
  const steps = new Steps(path, heldMs);

  await good.start(load);
  const startMs = performance.now();
  const timeMaxMs = Math.max(attackMaxMsLeast, (attack.timeMaxMs ?? attackMaxMsDefault) * Math.min(1, scale * 2.5));
  const report = await attacker.run({ name: attack.name, target, scale, seed, timeMaxMs }, (step) => steps.take(step));
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, options.besideMs - (performance.now() - startMs))));
  const beside = await good.stop();

  await Promise.all(path.map((each) => steps.note(each, "read")));
  const inFlight = await Promise.all(
    path.map((each, index) => inFlightAfter(each, before[index]?.inFlight ?? 0, options.inFlightMaxMs)),
  );
  await new Promise((resolve) => setTimeout(resolve, options.afterMs));
  return {
    attack: attack.name,
    kind,
    auth: stack.auth,
    idle,
    beside,
    processes: path.map((each, index) => ({
      name: each.name,
      beforeBytes: before[index]?.bytes ?? 0,
      peakBytes: peakBytes(each.pid),
      afterBytes: residentBytes(each.pid),
      inFlightBefore: before[index]?.inFlight,
      inFlightAfter: inFlight[index],
      heldMaxMs: heldMs.get(each),
      isAlive: each.isAlive(),
    })),
    steps: steps.costs,
    findings: report.findings,
    note: report.note,
  };
}

const idleResults = new Map<string, GoodResult>();

/** Measured anew for each row in the long form (`idleMs` of a second and more), once for each target otherwise. */
async function idleControl(good: GoodClient, load: GoodLoad, idleMs: number): Promise<GoodResult> {
  const key = `${load.url} ${load.victim}`;
  const known = idleResults.get(key);
  if (known !== undefined && idleMs < 1_000) return known;
  await good.start(load);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const result = await good.stop();
  idleResults.set(key, result);
  return result;
}

/** Measures an attack's requests one by one. */
class Steps {
  readonly costs: StepCost[] = [];
  readonly #path: readonly TargetProcess[];
  readonly #heldMs: Map<TargetProcess, number>;
  #tries = 0;

  constructor(path: readonly TargetProcess[], heldMs: Map<TargetProcess, number>) {
    this.#path = path;
    this.#heldMs = heldMs;
  }

  /** Whether the step is to be run again. */
  async take({ what, messageBytes, begins }: StepMessage): Promise<boolean> {
    if (begins) {
      await Promise.all(this.#path.map((each) => this.note(each, "reset")));
      return false;
    }
    const readings = await Promise.all(this.#path.map((each) => this.note(each, "read")));
    const cost = {
      what,
      messageBytes,
      heldMs: Math.max(...readings.map((reading) => reading?.heldMaxMs ?? 0)),
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
    this.#heldMs.set(target, Math.max(this.#heldMs.get(target) ?? 0, reading?.heldMaxMs ?? 0));
    return reading;
  }
}
