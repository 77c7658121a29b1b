// The short form of `npm run test:hostile`: a part of each family, in small. Latency is judged by the servers' CPU time.
import { afterAll, describe, expect, it } from "vitest";
import { measureClient } from "./client-side/measure-client.ts";
import { everyAttack } from "./every-attack.ts";
import { judgeClient } from "./harness/judge.ts";
import { rowKey } from "./harness/row.ts";
import { createRowRunner } from "./harness/run-rows.ts";
import { clientLines, rowLines } from "./harness/table.ts";
import { knownOpen } from "./known-open.ts";
import { shortForm, shortFormOfClient, shortScale, shortSeed } from "./short-form.ts";

/** An attack, a stack that has to start anew, and a machine that others use. */
const timeoutMs = 120_000;
const latencyBy = "cpu";

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

describe("a good client beside an attacker", () => {
  it.each(shortForm.map((row) => [rowKey(row), row] as const))(
    "is served during %s",
    async (key, { attack, kind, auth }) => {
      const found = everyAttack.find(({ name }) => name === attack);
      if (found === undefined) throw new Error(`there is no attack ${attack}`);
      const { row, failures } = await runner.run(found, { kind, auth });
      check(key, failures, rowLines(row, failures));
    },
    timeoutMs,
  );
});

describe("our client, called by nobody but a malicious server's answers", () => {
  it.each(shortFormOfClient)(
    "keeps its deadlines and its memory against %s",
    async (attack) => {
      const row = await measureClient(attack, { seed: shortSeed, waysMax: 2 });
      const failures = judgeClient(row, { latencyBy });
      check(attack, failures, clientLines(row, failures));
    },
    timeoutMs,
  );
});

describe("the table of known failures", () => {
  it("names rows of the short form alone", () => {
    const rows = [...shortForm.map(rowKey), ...shortFormOfClient];
    expect(Object.keys(knownOpen).filter((key) => !rows.includes(key))).toEqual([]);
  });
});

function check(key: string, failures: readonly string[], report: string): void {
  if (knownOpen[key] === undefined) expect(failures, report).toEqual([]);
  else expect(failures.length, `${key} passes now: remove it from known-open.ts`).toBeGreaterThan(0);
}
