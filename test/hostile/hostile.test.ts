// The short form of `npm run test:hostile`: some attacks of each family, at a smaller scale. The time for which the processes waited
// for a core does not count as latency.
import { afterAll, describe, expect, it } from "vitest";
import { measureClient } from "./client-side/measure-client.ts";
import { everyAttack } from "./every-attack.ts";
import { judgeClient } from "./harness/judge.ts";
import { rowKey } from "./harness/row.ts";
import { createRowRunner } from "./harness/run-rows.ts";
import { clientLines, rowLines } from "./harness/table.ts";
import { shortForm, shortFormOfClient, shortScale, shortSeed } from "./short-form.ts";

/** Several runs of an attack, each with a new stack, on a shared machine. */
const timeoutMs = 240_000;
const latencyBy = "own";

const runner = createRowRunner({
  latencyBy,
  measure: {
    scale: shortScale,
    seed: shortSeed,
    deadlineMs: 10_000,
    idleMs: 600,
    besideMs: 600,
    afterMs: 0,
    inFlightMaxMs: 1_500,
  },
});
afterAll(() => runner.dispose());

describe("a good client during an attack", () => {
  it.each(shortForm.map((row) => [rowKey(row), row] as const))(
    "is served during %s",
    async (_key, { attack, kind, auth }) => {
      const found = everyAttack.find(({ name }) => name === attack);
      if (found === undefined) throw new Error(`unknown attack ${attack}`);
      await check(async () => {
        const { row, failures } = await runner.run(found, { kind, auth });
        return { failures, report: rowLines(row, failures) };
      });
    },
    timeoutMs,
  );
});

describe("our client against a malicious server", () => {
  it.each(shortFormOfClient)(
    "keeps its deadlines and its memory against %s",
    async (attack) => {
      await check(async () => {
        const row = await measureClient(attack, { seed: shortSeed, waysMax: 2 });
        const failures = judgeClient(row, { latencyBy });
        return { failures, report: clientLines(row, failures) };
      });
    },
    timeoutMs,
  );
});

interface Run {
  readonly failures: readonly string[];
  readonly report: string;
}

/** The number of attempts of a row: a single measurement near a limit is not reliable. */
const runsMax = 3;

/** A row must pass in one of its attempts. */
async function check(run: () => Promise<Run>): Promise<void> {
  let last: Run = { failures: [], report: "" };
  for (let runs = 0; runs < runsMax; runs++) {
    last = await run();
    if (last.failures.length === 0) return;
  }
  expect(last.failures, last.report).toEqual([]);
}
