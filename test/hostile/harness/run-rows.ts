import type { Attack, Auth, TargetKind } from "../attack.ts";
import { createAttacker } from "./attacker.ts";
import { forkGoodClient } from "./good-client.ts";
import { failsByLatencyAlone, type JudgedRow, type JudgeOptions, judge, limits } from "./judge.ts";
import { type MeasureOptions, measure } from "./measure.ts";
import type { Row } from "./row.ts";
import { type HostileStack, startStack } from "./stack.ts";

export interface RowOptions extends JudgeOptions {
  readonly measure: Omit<MeasureOptions, "kind">;
}

export interface RunOptions extends RowOptions {
  readonly kinds: readonly TargetKind[];
  readonly auths: readonly Auth[];
  readonly signal?: AbortSignal;
}

/** The memory growth of a process beyond which the next attack gets a new stack. */
const keptGrowthBytesMax = 64 * 1024 * 1024;

interface Place {
  readonly kind: TargetKind;
  readonly auth: Auth;
}

/** Runs attacks one at a time, on the same stack if possible. */
export interface RowRunner {
  run(attack: Attack, place: Place): Promise<JudgedRow>;
  dispose(): Promise<void>;
}

/** A stack that an attack damaged is replaced before the next attack. */
export function createRowRunner(options: RowOptions): RowRunner {
  const [good, attacker] = [forkGoodClient(), createAttacker()];
  let stack: HostileStack | undefined;
  async function once(attack: Attack, { kind, auth }: Place): Promise<JudgedRow> {
    if (stack?.auth !== auth || !stack.isAlive()) {
      await stack?.dispose();
      stack = undefined;
      stack = await startStack(auth);
    }
    const row: Row = await measure(attack, { stack, good, attacker }, { ...options.measure, kind });
    if (isDamaged(row)) {
      await stack.dispose();
      stack = undefined;
    }
    return { row, failures: judge(row, options) };
  }
  return {
    async run(attack, place) {
      let judged = await once(attack, place);
      if (!failsByLatencyAlone(judged, options)) return judged;
      // Another process of the machine may have caused the delay. The median of three measurements counts.
      const p99s = [judged.row.beside.p99Ms];
      for (let repetition = 0; repetition < 2; repetition++) {
        judged = await once(attack, place);
        p99s.push(judged.row.beside.p99Ms);
        if (judged.failures.length > 0) break;
      }
      const note = `${judged.row.note}, p99 of all measurements: ${p99s.map((ms) => ms.toFixed(0)).join(", ")} ms`;
      return { ...judged, row: { ...judged.row, note } };
    },
    async dispose() {
      good.dispose();
      attacker.dispose();
      await stack?.dispose();
    },
  };
}

/** Runs the attacks on all targets that they apply to. */
export async function* runRows(attacks: readonly Attack[], options: RunOptions): AsyncGenerator<JudgedRow> {
  const runner = createRowRunner(options);
  try {
    for (const auth of options.auths) {
      for (const kind of options.kinds) {
        for (const attack of attacks) {
          if (options.signal?.aborted === true) return;
          const fits = (attack.kinds ?? [kind]).includes(kind) && (attack.auths ?? [auth]).includes(auth);
          if (fits) yield await runner.run(attack, { kind, auth });
        }
      }
    }
  } finally {
    await runner.dispose();
  }
}

function isDamaged({ processes }: Row): boolean {
  return processes.some(
    ({ isAlive, inFlightBefore, inFlightAfter, beforeBytes, afterBytes, externalMaxBytes }) =>
      !isAlive ||
      (inFlightAfter ?? Number.POSITIVE_INFINITY) > inFlightBefore ||
      afterBytes - beforeBytes > keptGrowthBytesMax ||
      externalMaxBytes > limits.externalBytesMax,
  );
}
