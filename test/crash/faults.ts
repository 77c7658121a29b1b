import type { Program } from "../processes/program.ts";
import { between, pause, pick } from "./random.ts";

/** What was done to the programs. */
export interface FaultCounts {
  kills: number;
  stops: number;
  /** Kills of a program that had just been started and was recovering. */
  killsInRecovery: number;
  /** Programs that were asked to end and drained. */
  drains: number;
  /** The last lines of programs that exited unexpectedly. */
  readonly endedAlone: string[];
  /** Kills after which a program found all that it kept on disk gone. */
  losses: number;
}

export interface FaultOptions {
  /** Takes a program's data away, where it may lose them and nothing that was promised with them. It does not run then. */
  readonly loseDataOf?: ReadonlyMap<Program, () => Promise<void>>;
  readonly random: () => number;
  /** Ends the faults; the current ones are undone first. */
  readonly signal: AbortSignal;
}

/** The time between two faults, in milliseconds. */
const faultEveryMs = [150, 700] as const;
/** How long a program stays away after it was killed: nothing, or long enough for breakers to open. */
const awayMs = [0, 800] as const;
/** How long a program hangs: from a hiccup to longer than most calls may take. */
const hangMs = [50, 2_500] as const;
/** At most so long after its start a program is killed again. Recovery begins within it. */
const recoveryMs = [20, 700] as const;
/** So many programs are broken at once at most: with more, orders would hardly get anywhere, and nothing would be tried. */
const brokenMax = 2;
const stopShare = 0.4;
const killWhileStoppedShare = 0.25;
const killInRecoveryShare = 0.3;
const lossShare = 0.3;
const drainShare = 0.15;
/** How much of its last words is kept, in characters. */
const outputMax = 2_000;

/**
 * Kills and stops programs at random, each again and again, several at a time, until the signal aborts. Afterwards all of
 * them run. Throws if one does not come back.
 */
export async function breakThings(programs: readonly Program[], options: FaultOptions): Promise<FaultCounts> {
  const { random, signal, loseDataOf = new Map() } = options;
  const counts: FaultCounts = { kills: 0, stops: 0, killsInRecovery: 0, drains: 0, losses: 0, endedAlone: [] };
  const underWay = new Map<Program, Promise<void>>();
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
    // Short ones are the most.
    await pause(hangMs[0] + (hangMs[1] - hangMs[0]) * random() ** 2, signal);
    if (random() < killWhileStoppedShare) await kill(victim);
    else victim.signal("SIGCONT");
  }

  async function drain(victim: Program) {
    counts.drains++;
    victim.signal("SIGTERM");
    await victim.ended();
    await victim.start();
  }

  /** A program that is not being broken runs; otherwise it ended by itself, which is noted, and it is started again. */
  async function revive(program: Program) {
    if (program.isRunning()) return;
    counts.endedAlone.push(`${program.name} ended by itself. It said: ${program.output().slice(-outputMax)}`);
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
    const idle = programs.filter((each) => !underWay.has(each));
    if (underWay.size >= brokenMax || signal.aborted) continue;
    const victim = pick(idle, random);
    const fault = breakOne(victim)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => underWay.delete(victim));
    underWay.set(victim, fault);
  }
  await Promise.all(underWay.values());
  await Promise.all(programs.map(revive)).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "a program did not come back");
  return counts;
}
