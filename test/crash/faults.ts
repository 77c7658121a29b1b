import type { Program } from "../processes/program.ts";
import { between, pause, pick } from "./random.ts";

/** The injected faults. */
export interface FaultCounts {
  kills: number;
  stops: number;
  /** Kills of a program that had just started and was recovering. */
  killsInRecovery: number;
  /** Stops for longer than any lease. */
  longStops: number;
  /** Programs that were stopped with SIGTERM and drained. */
  drains: number;
  /** The last lines of programs that exited unexpectedly. */
  readonly endedAlone: string[];
  /** Kills after which a program's data on disk was deleted. */
  losses: number;
}

export interface FaultOptions {
  /** Deletes the data of a stopped program. Only for programs whose data the platform may lose. */
  readonly loseDataOf?: ReadonlyMap<Program, () => Promise<void>>;
  /** Programs that get {@link oftenShare} of the faults, beside their part of the others. */
  readonly often?: readonly Program[];
  readonly random: () => number;
  /** The maximum number of faulty programs at once. With more, hardly any order would progress, and the run would test nothing. Default: 2. */
  readonly brokenMax?: number;
  /** The share of stops that last longer than any lease. Default: 0. */
  readonly longHangShare?: number;
  /** Ends the fault injection. Current faults are undone first. */
  readonly signal: AbortSignal;
}

/** The interval between two faults, in milliseconds. */
const faultEveryMs = [150, 700] as const;
/** How long a killed program stays down: from nothing to long enough for circuit breakers to open. */
const awayMs = [0, 800] as const;
/** How long a program is stopped: from a hiccup to longer than most deadlines. */
const hangMs = [50, 2_500] as const;
/** How long a program is stopped so that others take over its work. */
const longHangMs = [8_000, 12_000] as const;
/** A restarted program may be killed again within this time, which covers the start of its recovery. */
const recoveryMs = [20, 700] as const;
const stopShare = 0.4;
const killWhileStoppedShare = 0.25;
const killInRecoveryShare = 0.3;
const lossShare = 0.3;
const drainShare = 0.15;
const oftenShare = 0.3;
/** The maximum length of the output that is kept, in characters. */
const outputMax = 2_000;

/**
 * Kills and stops programs at random, several at a time, until the signal aborts. Afterwards all of them run. Throws if one does
 * not restart.
 */
export async function breakThings(programs: readonly Program[], options: FaultOptions): Promise<FaultCounts> {
  const { random, signal, loseDataOf = new Map(), brokenMax = 2, longHangShare = 0, often = [] } = options;
  const counts: FaultCounts = {
    kills: 0,
    stops: 0,
    longStops: 0,
    killsInRecovery: 0,
    drains: 0,
    losses: 0,
    endedAlone: [],
  };
  const activeFaults = new Map<Program, Promise<void>>();
  const failures: unknown[] = [];

  async function kill(victim: Program) {
    counts.kills++;
    await victim.kill();
    const lose = loseDataOf.get(victim);
    if (lose !== undefined && random() < lossShare) {
      counts.losses++;
      await lose();
    }
    await pause(between(...awayMs, random), signal);
    victim.launch();
    if (random() < killInRecoveryShare) {
      await pause(between(...recoveryMs, random), signal);
      counts.killsInRecovery++;
      await victim.kill();
      victim.launch();
    }
    await victim.serves();
  }

  async function hang(victim: Program) {
    counts.stops++;
    victim.signal("SIGSTOP");
    await pause(hangTimeMs(), signal);
    if (random() < killWhileStoppedShare) await kill(victim);
    else victim.signal("SIGCONT");
  }

  function hangTimeMs(): number {
    if (random() < longHangShare) {
      counts.longStops++;
      return between(...longHangMs, random);
    }
    // Most are short.
    return hangMs[0] + (hangMs[1] - hangMs[0]) * random() ** 2;
  }

  async function drain(victim: Program) {
    counts.drains++;
    victim.signal("SIGTERM");
    await victim.ended();
    await victim.start();
  }

  /** Restarts a program that exited unexpectedly, and records it. */
  async function revive(program: Program) {
    if (program.isRunning()) return;
    counts.endedAlone.push(`${program.name} ended by itself. Output: ${program.output().slice(-outputMax)}`);
    await program.start();
  }

  async function breakOne(victim: Program): Promise<void> {
    await revive(victim);
    const kind = random();
    if (kind < drainShare) return drain(victim);
    return kind < drainShare + stopShare ? hang(victim) : kill(victim);
  }

  while (!signal.aborted && failures.length === 0) {
    await pause(between(...faultEveryMs, random), signal);
    const idle = programs.filter((each) => !activeFaults.has(each));
    if (activeFaults.size >= brokenMax || signal.aborted) continue;
    const oftenIdle = idle.filter((each) => often.includes(each));
    const victim = pick(oftenIdle.length > 0 && random() < oftenShare ? oftenIdle : idle, random);
    const fault = breakOne(victim)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => activeFaults.delete(victim));
    activeFaults.set(victim, fault);
  }
  await Promise.all(activeFaults.values());
  await Promise.all(programs.map(revive)).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "a program did not restart");
  return counts;
}
