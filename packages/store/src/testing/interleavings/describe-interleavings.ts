import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database, Migration } from "../../database.ts";
import { openDatabase } from "../../open-database.ts";
import { describeReplicas } from "../describe-replicas.ts";
import { createTestSchema, testPostgresUrl } from "../test-database.ts";
import { type Execution, explore, runSchedule, type Schedule } from "./explore.ts";
import { type StatementGate, startStatementGate } from "./statement-gate.ts";

/** A call, a command or the body of a transaction, with fixed arguments. */
export interface Operation<R> {
  readonly name: string;
  /** The reason why its result may differ from both serial ones. {@link Subject.invariant} is checked instead. */
  readonly notSerial?: string;
  /** Resolves with its caller's result, without ids and times that differ from run to run. */
  run(replica: R): Promise<unknown>;
}

/** The callers' outcomes, and the state afterwards. */
export interface Result {
  readonly outcomes: readonly unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: each subject has a state of its own.
  readonly state: any;
}

/** A service whose operations are explored: every two of them, each on its own replica. */
export interface Subject<R> {
  readonly migrations: readonly Migration[];
  /** A replica of the service, without its periodic work. */
  replica(database: Database, name: "a" | "b"): R;
  /** Sets up the data before each execution. */
  reset(database: Database): Promise<void>;
  /** The state that matters after an execution. */
  observe(database: Database): Promise<unknown>;
  /** The reason of a refusal. Default: its text. */
  reasonOf?(error: unknown): string;
  /** Throws if a result is wrong, for any operations. */
  invariant?(result: Result): void;
  /** Tables that watchers read by sequence. Without gaps: the sequences have none. */
  readonly watched?: Readonly<Record<string, "without gaps" | "in order">>;
  readonly operations: readonly Operation<R>[];
}

/** How often an actor is preempted. `npm run test:postgres` uses 1, the nightly run 2. */
const preemptionsMax = Number(process.env.PARLEY_PREEMPTIONS ?? "1");
const pairTimeoutMs = 600_000;

/**
 * Tests that any two operations at the same time have the result of one after the other, in either order: outcomes and state. Each test explores
 * the interleavings of two operations, statement by statement.
 */
export function describeInterleavings<R>(name: string, subject: Subject<R>): void {
  describeReplicas(`every two of ${name}, interleaved by statement`, () => {
    let world: World<R>;
    beforeAll(async () => {
      world = await openWorld(subject);
    });
    afterAll(() => world.close());

    for (const [index, one] of subject.operations.entries()) {
      for (const other of subject.operations.slice(index)) {
        test(`${one.name} | ${other.name}`, () => exploreTwo(world, [one, other]), pairTimeoutMs);
      }
    }
  });
}

/** Far less than the deadlines of calls, and than the server's time-outs, and far more than an execution takes. */
const stallMs = 3_000;
const stallsMax = 20;
const afterStallMs = 500;

/** Executes again if the machine stalled: a deadline that passed meanwhile is not caused by the interleaving. */
async function withoutStall<T>(execute: () => Promise<T>): Promise<T> {
  for (let stalls = 0; ; stalls++) {
    const startMs = performance.now();
    const executed = await execute();
    if (performance.now() - startMs < stallMs) return executed;
    if (stalls === stallsMax) throw new Error(`The machine is too busy: an execution takes more than ${stallMs} ms.`);
    await new Promise((resolve) => setTimeout(resolve, afterStallMs));
  }
}

/** Explores two operations. Throws if one execution equals neither serial one. Returns the executions. */
export async function exploreTwo<R>(
  world: World<R>,
  [one, other]: readonly [Operation<R>, Operation<R>],
  preemptions = preemptionsMax,
): Promise<readonly Execution[]> {
  const serial: string[] = [];
  return await explore({
    preemptionsMax: preemptions,
    async run(schedule) {
      const { execution, result } = await withoutStall(() => world.execute(schedule, [one, other]));
      world.subject.invariant?.(result);
      const text = JSON.stringify(result);
      // The first two executions are the serial ones: without preemptions, an actor that need not wait for a lock runs to its end.
      if (schedule.switches.length === 0) serial.push(text);
      else if (one.notSerial === undefined && other.notSerial === undefined && !serial.includes(text)) {
        throw new Error(
          [
            `"${one.name}" (A) and "${other.name}" (B) had a result of no serial execution.`,
            ...execution.trace,
            `Result: ${text}`,
            ...serial.map((allowed, order) => `${"AB"[order]} first: ${allowed}`),
          ].join("\n"),
        );
      }
      return execution;
    },
  });
}

export interface World<R> {
  readonly subject: Subject<R>;
  readonly gates: readonly [StatementGate, StatementGate];
  readonly database: Database;
  execute(
    schedule: Schedule,
    operations: readonly [Operation<R>, Operation<R>],
  ): Promise<{ readonly execution: Execution; readonly result: Result }>;
  close(): Promise<void>;
}

export async function openWorld<R>(subject: Subject<R>): Promise<World<R>> {
  const schema = await createTestSchema(testPostgresUrl ?? "");
  const { port } = new URL(schema.url);
  const database = await openDatabase(schema.url, { migrations: subject.migrations });
  const gates = [await startStatementGate(Number(port)), await startStatementGate(Number(port))] as const;
  const own = await Promise.all(
    gates.map((gate) => openDatabase(withPort(schema.url, gate.port), { migrations: subject.migrations })),
  );
  const replicas = own.map((one, index) => subject.replica(one, index === 0 ? "a" : "b"));
  for (const one of own) await connectAll(one);
  const observer = new pg.Client({ connectionString: testPostgresUrl ?? "", options: `-c search_path=${schema.name}` });
  await observer.connect();

  async function execute(schedule: Schedule, operations: readonly [Operation<R>, Operation<R>]) {
    await subject.reset(database);
    const watchers = await Promise.all(
      Object.entries(subject.watched ?? {}).map(([table, rule]) => watcher(observer, table, rule)),
    );
    const [a, b] = operations.map((operation, index) => ({
      gate: gates[index] as StatementGate,
      run: () => operation.run(replicas[index] as R),
    })) as [Parameters<typeof runSchedule>[0][0], Parameters<typeof runSchedule>[0][1]];
    const afterStep = async () => {
      for (const watch of watchers) await watch();
    };
    const execution = await runSchedule([a, b], schedule, { observer, afterStep });
    const result = {
      outcomes: execution.outcomes.map((outcome) => outcomeOf(outcome, subject)),
      state: await subject.observe(database),
    };
    return { execution, result };
  }
  return {
    subject,
    gates,
    database,
    execute,
    async close() {
      for (const one of [...own, database]) await one.close();
      for (const gate of gates) await gate.close();
      await observer.end();
      await schema.drop();
    },
  };
}

/** Opens the connections that operations use, so that connecting is not part of an execution. */
async function connectAll(database: Database): Promise<void> {
  await Promise.all([1, 2].map(() => database.transaction((transaction) => transaction.get("SELECT 1 AS one"))));
  for (let reader = 0; reader < 2; reader++) await database.get("SELECT 1 AS one");
}

/** Checks that a watcher, which reads after the last sequence that it saw, misses no row: none may become visible below it or beyond a gap. */
async function watcher(observer: pg.Client, table: string, rule: "without gaps" | "in order") {
  const read = async (after: number): Promise<readonly number[]> => {
    const sql = `SELECT sequence FROM ${table} WHERE sequence > $1 ORDER BY sequence`;
    return (await observer.query(sql, [after])).rows.map((row: { sequence: string }) => Number(row.sequence));
  };
  const base = (await read(0)).at(-1) ?? 0;
  const seen = new Set<number>();
  let last = base;
  return async () => {
    const fresh = (await read(base)).filter((sequence) => !seen.has(sequence));
    for (const sequence of fresh) {
      if (sequence < last) throw new Error(`${table}: ${sequence} became visible after ${last}`);
      if (rule === "without gaps" && last > 0)
        expect(sequence, `the sequence after ${last} in ${table}`).toBe(last + 1);
      last = sequence;
      seen.add(sequence);
    }
  };
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

function outcomeOf<R>(outcome: PromiseSettledResult<unknown>, { reasonOf = String }: Subject<R>): unknown {
  return outcome.status === "fulfilled" ? (outcome.value ?? null) : { refused: reasonOf(outcome.reason) };
}
