import type { CrashReport } from "./crash-run.ts";

/** The maximum number of violations printed for each invariant. */
const shownMax = 10;

/** The report of a run, as text. */
export function reportText(report: CrashReport): string {
  const { broker, database, replicas, seed, violations } = report;
  const rows: readonly (readonly [string, string])[] = [
    [
      "orders",
      `${report.orders} requested, ${report.acknowledged} acknowledged, ${report.refused} refused for insufficient stock`,
    ],
    ["cancelled", String(report.cancelled)],
    ["restocks", String(report.restocks)],
    ["notifications", `${report.notifications}, ${report.alerts} of them alerts of low stock`],
    [
      "kills",
      `${report.kills}, and ${report.killsInRecovery} more during recovery; ${report.losses} with all data lost (Redis)`,
    ],
    ...(report.failovers === undefined ? [] : [["failovers", `${report.failovers} to a synchronous standby`] as const]),
    ["drains", String(report.drains)],
    ["stops", `${report.stops}, ${report.longStops} of them longer than any lease`],
    ["reconnects", `${report.reconnects} of the three Watch methods`],
    ["recovered", `${report.recovered} orders whose first attempt had an unknown outcome`],
    ["settled", `${(report.settledMs / 1_000).toFixed(1)} s after the last fault`],
    ["violations", String(violations.length)],
  ];
  const lines = [
    `broker ${broker}, database ${database}, replicas ${replicas}, seed ${seed}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(14)}${value}`),
  ];
  return [...lines, ...evidenceLines(report)].join("\n");
}

function evidenceLines({ violations, lastLines }: CrashReport): readonly string[] {
  const kinds = Map.groupBy(violations, ({ invariant }) => invariant);
  return [
    ...[...kinds].flatMap(([invariant, found]) => [
      "",
      `VIOLATED: ${invariant} (${found.length})`,
      ...found.slice(0, shownMax).map(({ evidence }) => `  ${evidence}`),
    ]),
    ...Object.entries(lastLines).flatMap(([name, lines]) => [
      "",
      `Last lines of ${name}:`,
      ...lines.map((line) => `  ${line}`),
    ]),
  ];
}
