import type { Attack, Auth, TargetKind } from "../attack.ts";
import { createAttacker } from "./attacker.ts";
import { forkGoodClient } from "./good-client.ts";
import { type JudgeOptions, judge } from "./judge.ts";
import { type MeasureOptions, measure } from "./measure.ts";
import type { Row } from "./row.ts";
import { type HostileStack, startStack } from "./stack.ts";

export interface RunOptions extends JudgeOptions {
  readonly kinds: readonly TargetKind[];
  readonly auths: readonly Auth[];
  readonly signal?: AbortSignal;
  readonly measure: Omit<MeasureOptions, "kind">;
  /** Which of an attack's targets to run. Default: all. */
  readonly wants?: (attack: Attack, kind: TargetKind, auth: Auth) => boolean;
}

export interface JudgedRow {
  readonly row: Row;
  readonly failures: readonly string[];
}

/** Memory that a process may have gained over the time of a stack: beyond it the next attack gets a fresh one. */
const keptGrowthBytesMax = 64 * 1024 * 1024;

/** Runs the attacks, one after another; a stack that an attack damaged is replaced before the next. */
export async function* runRows(attacks: readonly Attack[], options: RunOptions): AsyncGenerator<JudgedRow> {
  const [good, attacker] = [forkGoodClient(), createAttacker()];
  let stack: HostileStack | undefined;
  try {
    for (const auth of options.auths) {
      for (const kind of options.kinds) {
        for (const attack of attacks) {
          if (options.signal?.aborted === true) return;
          const fits = (attack.kinds ?? [kind]).includes(kind) && (attack.auths ?? [auth]).includes(auth);
          if (!fits || options.wants?.(attack, kind, auth) === false) continue;
          if (stack?.auth !== auth) {
            await stack?.dispose();
            stack = await startStack(auth);
          }
          const row: Row = await measure(attack, { stack, good, attacker }, { ...options.measure, kind });
          const failures = judge(row, options);
          yield { row, failures };
          if (isDamaged(row)) {
            await stack.dispose();
            stack = undefined;
          }
        }
      }
    }
  } finally {
    good.dispose();
    attacker.dispose();
    await stack?.dispose();
  }
}

function isDamaged({ processes }: Row): boolean {
  return processes.some(
    ({ isAlive, inFlightBefore, inFlightAfter, beforeBytes, afterBytes }) =>
      !isAlive ||
      (inFlightAfter ?? Number.POSITIVE_INFINITY) > (inFlightBefore ?? 0) ||
      afterBytes - beforeBytes > keptGrowthBytesMax,
  );
}
