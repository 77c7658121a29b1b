// `npm run test:hostile -- --only places --target gateway --auth required`: the long form. Prints a table and exits with 1 if a row
// failed.
import { parseArgs } from "node:util";
import type { Auth, TargetKind } from "./attack.ts";
import { clientAttacks, measureClient } from "./client-side/measure-client.ts";
import { everyAttack } from "./every-attack.ts";
import { judgeClient } from "./harness/judge.ts";
import { runRows } from "./harness/run-rows.ts";
import { clientLines, headLine, rowLines } from "./harness/table.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    target: { type: "string", default: "service,gateway,client" },
    auth: { type: "string", default: "off,required" },
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    // The time from an attack to the second memory measurement.
    after: { type: "string", default: "60" },
    // Latency minus the time for which the processes waited for a core, for a shared machine.
    by: { type: "string", default: "wall" },
  },
});
const isWanted = (name: string) => values.only.split(",").some((part) => name.startsWith(part));
const attacks = everyAttack.filter(({ name }) => isWanted(name));
const onClients = values.target.split(",").includes("client") ? clientAttacks.filter(isWanted) : [];
if (attacks.length + onClients.length === 0) {
  const names = [...everyAttack.map(({ name }) => name), ...clientAttacks];
  console.error(`There is no attack ${values.only}. There are:\n  ${names.join("\n  ")}`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());

console.log(`${attacks.length + onClients.length} attacks, seed ${values.seed}\n${headLine()}`);
const latencyBy = values.by === "own" ? "own" : "wall";
let [passed, failed] = [0, 0];
for await (const { row, failures } of runRows(attacks, {
  kinds: values.target.split(",").filter((kind) => kind !== "client") as TargetKind[],
  auths: values.auth.split(",") as Auth[],
  signal: interrupted.signal,
  latencyBy,
  measure: {
    scale: Number(values.scale),
    seed: Number(values.seed),
    deadlineMs: latencyBy === "own" ? 10_000 : 2_000,
    idleMs: 3_000,
    besideMs: 2_500,
    afterMs: Number(values.after) * 1_000,
    inFlightMaxMs: 5_000,
  },
})) {
  console.log(rowLines(row, failures));
  count(failures);
}
for (const attack of onClients) {
  if (interrupted.signal.aborted) break;
  const row = await measureClient(attack, { seed: Number(values.seed), waysMax: Math.ceil(20 * Number(values.scale)) });
  const failures = judgeClient(row, { latencyBy });
  console.log(clientLines(row, failures));
  count(failures);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && !interrupted.signal.aborted ? 0 : 1);

function count(failures: readonly string[]): void {
  if (failures.length === 0) passed++;
  else failed++;
}
