// `npm run test:hostile -- --only places --target gateway --auth required`: the long form. Prints a table and ends with 1 if a row failed.
import { parseArgs } from "node:util";
import type { Auth, TargetKind } from "./attack.ts";
import { everyAttack } from "./every-attack.ts";
import { runRows } from "./harness/run-rows.ts";
import { headLine, rowLines } from "./harness/table.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    target: { type: "string", default: "service,gateway" },
    auth: { type: "string", default: "off,required" },
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    // How long after an attack memory is looked at again.
    after: { type: "string", default: "60" },
    // Latency by the servers' CPU time, for a machine that others use.
    by: { type: "string", default: "wall" },
  },
});
const attacks = everyAttack.filter(({ name }) => values.only.split(",").some((part) => name.startsWith(part)));
if (attacks.length === 0) {
  console.error(`There is no attack ${values.only}. There are:\n  ${everyAttack.map(({ name }) => name).join("\n  ")}`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());

console.log(`${attacks.length} attacks, seed ${values.seed}\n${headLine()}`);
let [passed, failed] = [0, 0];
for await (const { row, failures } of runRows(attacks, {
  kinds: values.target.split(",") as TargetKind[],
  auths: values.auth.split(",") as Auth[],
  signal: interrupted.signal,
  latencyBy: values.by === "cpu" ? "cpu" : "wall",
  measure: {
    scale: Number(values.scale),
    seed: Number(values.seed),
    deadlineMs: values.by === "cpu" ? 10_000 : 2_000,
    idleMs: 3_000,
    besideMs: 2_500,
    afterMs: Number(values.after) * 1_000,
    inFlightMaxMs: 5_000,
  },
})) {
  console.log(rowLines(row, failures));
  if (failures.length === 0) passed++;
  else failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && !interrupted.signal.aborted ? 0 : 1);
