import type pg from "pg";
import type { StatementGate } from "./statement-gate.ts";

/** One of two units of work that run concurrently, each over its own connections. */
export interface Actor {
  readonly gate: StatementGate;
  readonly run: () => Promise<unknown>;
}

/** One interleaving: the actor that begins, and the steps before which the running actor is preempted. */
export interface Schedule {
  readonly first: 0 | 1;
  readonly switches: readonly number[];
}

/** The record of one execution. */
export interface Execution {
  readonly schedule: Schedule;
  /** The statements in the order in which they ran, with a `>` for each that then waited for a lock. */
  readonly trace: readonly string[];
  /** The steps before which either actor could have run. */
  readonly choices: readonly number[];
  readonly outcomes: readonly [PromiseSettledResult<unknown>, PromiseSettledResult<unknown>];
}

export interface StepOptions {
  /** Watches the server's locks. */
  readonly observer: pg.Client;
  /** Called after each step. */
  readonly afterStep?: (() => Promise<void>) | undefined;
}

/** The most steps of one execution. More means that an actor retries without end. */
const stepsMax = 200;
/** How long an answer may take before the server is asked whether the statement waits for a lock. */
const lockPollMs = 2;
/** A busy machine may take seconds for a step, and a retry waits for up to half a second. */
const quietTimeoutMs = 30_000;

/** Runs two actors one statement at a time, as the schedule says. While an actor waits for a lock, the other one runs. */
export async function runSchedule(
  actors: readonly [Actor, Actor],
  { first, switches }: Schedule,
  { observer, afterStep }: StepOptions,
): Promise<Execution> {
  const trace: string[] = [];
  const choices: number[] = [];
  const ended = [false, false];
  let wake = () => {};
  for (const { gate } of actors) {
    gate.isClosed = true;
    gate.onChange = () => wake();
  }
  const running = actors.map(({ run }, index) =>
    run().finally(() => {
      ended[index] = true;
      wake();
    }),
  );
  const outcomes = Promise.allSettled(running) as Promise<unknown> as Promise<Execution["outcomes"]>;
  const isReady = (index: 0 | 1) => actors[index].gate.held.length > 0 && actors[index].gate.inFlight === 0;
  const isQuiet = async (index: 0 | 1) =>
    ended[index] ||
    isReady(index) ||
    (actors[index].gate.inFlight > 0 && (await waitsForLock(observer, actors[index].gate)));

  /** Waits until each actor has ended, is held back, or waits for a lock. */
  async function untilQuiet() {
    for (const untilMs = performance.now() + quietTimeoutMs; ; ) {
      const areQuiet = (await isQuiet(0)) && (await isQuiet(1));
      // If neither can run, the server ends the deadlock.
      if (areQuiet && (isReady(0) || isReady(1) || (ended[0] && ended[1]))) return;
      if (performance.now() > untilMs)
        throw new Error(`An actor neither runs nor waits for a lock:\n${trace.join("\n")}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, lockPollMs);
      await promise;
      clearTimeout(timer);
    }
  }

  let current = first;
  try {
    await untilQuiet();
    for (let step = 0; !(ended[0] && ended[1]); step++) {
      if (step > stepsMax) throw new Error(`More than ${stepsMax} steps:\n${trace.join("\n")}`);
      const other = current === 0 ? 1 : 0;
      if (isReady(0) && isReady(1)) {
        choices.push(step);
        if (switches.includes(step)) current = other;
      } else if (!isReady(current)) {
        current = other;
      }
      const { gate } = actors[current];
      const [statement] = gate.held;
      const at = trace.push(`${"AB"[current]} ${statement?.text.replace(/\s+/g, " ").slice(0, 100)}`) - 1;
      statement?.release();
      await untilQuiet();
      if (gate.inFlight > 0) trace[at] += "  (waits)";
      await afterStep?.();
    }
  } finally {
    for (const { gate } of actors) {
      gate.isClosed = false;
      for (const statement of [...gate.held]) statement.release();
    }
    await outcomes;
  }
  return { schedule: { first, switches }, trace, choices, outcomes: await outcomes };
}

async function waitsForLock(observer: pg.Client, { sessions }: StatementGate): Promise<boolean> {
  // Read from the lock table: pg_stat_activity still reports the wait for a moment after the lock was granted.
  const sql = "SELECT pid FROM unnest($1::int[]) AS pid WHERE cardinality(pg_blocking_pids(pid)) > 0";
  return (await observer.query(sql, [[...sessions]])).rows.length > 0;
}

export interface ExploreOptions {
  /** The maximum number of preemptions: switches from an actor that could continue. Waits for locks do not count. */
  readonly preemptionsMax: number;
  /** Runs one schedule on fresh data, and throws if the result is wrong. */
  readonly run: (schedule: Schedule) => Promise<Execution>;
}

/**
 * Runs every interleaving of two actors with a bounded number of preemptions, and returns them. Most mistakes of concurrent programs need one or
 * two (Musuvathi, Qadeer: Iterative Context Bounding, PLDI 2007).
 */
export async function explore({ preemptionsMax, run }: ExploreOptions): Promise<readonly Execution[]> {
  const executions: Execution[] = [];
  const open: Schedule[] = [
    { first: 1, switches: [] },
    { first: 0, switches: [] },
  ];
  for (let schedule = open.pop(); schedule !== undefined; schedule = open.pop()) {
    const execution = await run(schedule);
    executions.push(execution);
    const { first, switches } = schedule;
    if (switches.length === preemptionsMax) continue;
    // The choice before step 0 is `first`.
    const after = switches.at(-1) ?? 0;
    for (const step of execution.choices) if (step > after) open.unshift({ first, switches: [...switches, step] });
  }
  return executions;
}
