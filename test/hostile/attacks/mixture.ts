import type { Attack, AttackOptions, AttackReport, AttackTarget } from "../attack.ts";

/** The number of concurrent attacks, from one process. */
const [atOnceMin, atOnceMax] = [2, 5];
/** Each attack's share of the run's scale: together they are about as large as one alone. */
const shareOfScale = 0.3;
/** The number of mixtures. The seed determines their contents. */
const mixtures = 5;

/**
 * Randomly chosen attacks that run concurrently, because limits that hold one by one may not hold together. The same seed gives
 * the same mixtures. Their findings on responses are ignored here: each attack reports them when it runs alone.
 */
export function mixturesOf(attacks: readonly Attack[]): readonly Attack[] {
  return Array.from({ length: mixtures }, (_, index) => ({
    name: `mixture/${index + 1}`,
    timeMaxMs: 40_000,
    run: (target: AttackTarget, options: AttackOptions) => mix(attacks, index, target, options),
  }));
}

async function mix(
  attacks: readonly Attack[],
  index: number,
  target: AttackTarget,
  { random, scale, signal }: AttackOptions,
): Promise<AttackReport> {
  // Each mixture starts at another position of the random sequence.
  for (let skipped = 0; skipped < index * 97; skipped++) random();
  const fitting = attacks.filter(
    ({ kinds, auths, needsTls, victim = "product" }) =>
      (kinds ?? [target.kind]).includes(target.kind) &&
      (auths ?? [target.auth]).includes(target.auth) &&
      needsTls !== true &&
      victim === "product",
  );
  const count = atOnceMin + Math.floor(random() * (atOnceMax - atOnceMin + 1));
  const chosen = Array.from({ length: count }, () => fitting[Math.floor(random() * fitting.length)] as Attack);
  const step: AttackOptions["step"] = (_what, _bytes, run) => run();
  await Promise.all(
    chosen.map((attack) => attack.run(target, { signal, scale: scale * shareOfScale, random, step }).catch(() => {})),
  );
  return { findings: [], note: chosen.map(({ name }) => name).join(" + ") };
}
