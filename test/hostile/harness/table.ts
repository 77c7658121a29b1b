import type { ClientSideRow, Row } from "./row.ts";

const widths = [44, 17, 22, 20, 13, 10, 9] as const;
const heads = ["attack", "target", "RSS before/peak/after", "p99 idle/attack (own)", "errors", "in flight", "blocked"];

/** The table's header line. */
export function headLine(): string {
  return `       ${columns(heads)}`;
}

/** A row, followed by its failures. Memory in MB, times in milliseconds. */
export function rowLines(row: Row, failures: readonly string[]): string {
  const { attack, kind, auth, idle, beside, processes, note } = row;
  const worst = processes.toSorted((a, b) => b.peakBytes - b.beforeBytes - (a.peakBytes - a.beforeBytes))[0];
  const cells = [
    attack,
    `${kind} ${auth}`,
    [worst?.beforeBytes, worst?.peakBytes, worst?.afterBytes]
      .map((bytes) => ((bytes ?? 0) / 1024 / 1024).toFixed(0))
      .join("/"),
    `${idle.p99Ms.toFixed(0)}/${beside.p99Ms.toFixed(0)} (${beside.p99OwnMs.toFixed(0)})`,
    `${beside.errors} of ${beside.calls}`,
    processes.map(({ inFlightBefore, inFlightAfter }) => `${inFlightBefore}>${inFlightAfter ?? "?"}`).join(" "),
    `${Math.max(...processes.map(({ blockedMaxMs }) => blockedMaxMs ?? 0)).toFixed(0)}`,
  ];
  const lines = [`${failures.length === 0 ? "passed" : "FAILED"} ${columns(cells)}  ${note}`];
  return [...lines, ...failures.map((failure) => `       - ${failure}`)].join("\n");
}

function columns(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" ");
}

/** The same for our client against a malicious server. */
export function clientLines(row: ClientSideRow, failures: readonly string[]): string {
  const cells = [
    row.attack,
    "client",
    `+${(row.grownBytes / 1024 / 1024).toFixed(0)}`,
    `${Math.max(0, row.overrunMs).toFixed(0)} late (${Math.max(0, row.overrunOwnMs).toFixed(0)})`,
    "",
    "",
    row.blockedMs.toFixed(0),
  ];
  const lines = [`${failures.length === 0 ? "passed" : "FAILED"} ${columns(cells)}  ${row.note}`];
  return [...lines, ...failures.map((failure) => `       - ${failure}`)].join("\n");
}
