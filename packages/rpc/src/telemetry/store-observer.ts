import { currentCall, wantCurrentCall } from "../call/current-call.ts";
import type { Environment } from "../environment/environment.ts";
import { spanKinds } from "../environment/spans/span-recorder.ts";
import { dependenciesOf } from "./dependencies.ts";
import { durationFamily } from "./metric-family.ts";

/** The times of a transaction, as a store reports them, in milliseconds of the clock's `monotonic`. */
export interface StoreTransaction {
  readonly startMs: number;
  readonly bodyMs: number | undefined;
  readonly commitMs: number | undefined;
  readonly endMs: number;
  readonly error: unknown;
}

/** Counts and records the transactions of a database. */
export interface StoreObserver {
  nowMs(): number;
  begin(name: string): (times: StoreTransaction) => void;
}

/**
 * Observes a database: metrics of its transactions, and a span for each transaction within a call.
 *
 * @param url the database's URL; its scheme determines `db.system.name`
 */
export function createStoreObserver(
  { clock, metrics, recorder }: Pick<Environment, "clock" | "metrics" | "recorder">,
  url: string,
): StoreObserver {
  wantCurrentCall();
  const system = url.startsWith("postgres") ? "postgresql" : "sqlite";
  dependenciesOf(metrics).store = system;
  const duration = durationFamily(metrics, {
    name: "parley_store_transaction_duration_seconds",
    help: "Time from the request for a transaction to its result, by outcome: ok, failed.",
  });
  const ok = duration.series({ system, outcome: "ok" });
  const failed = duration.series({ system, outcome: "failed" });
  const queue = durationFamily(metrics, {
    name: "parley_store_queue_duration_seconds",
    help: "Time that transactions waited in the queue.",
  }).series({ system });
  const commit = durationFamily(metrics, {
    name: "parley_store_commit_duration_seconds",
    help: "Time from the end of a transaction's body until its commit was durable.",
  }).series({ system });
  return {
    nowMs: () => clock.monotonic(),
    begin(name) {
      // Read now: the end is reported together with other transactions of the commit, outside this call's context.
      const parent = recorder === undefined ? undefined : currentCall()?.traceparent;
      return ({ startMs, bodyMs, commitMs, endMs, error }) => {
        (error === undefined ? ok : failed).observe((endMs - startMs) / 1_000, parent);
        if (bodyMs !== undefined) {
          queue.observe((bodyMs - startMs) / 1_000);
        }
        if (commitMs !== undefined && error === undefined) {
          commit.observe((endMs - commitMs) / 1_000);
        }
        if (recorder !== undefined && parent !== undefined) {
          recorder.record({
            kind: spanKinds.database,
            other: system,
            name: name || "transaction",
            traceparent: recorder.childOf(parent),
            parent,
            startMs,
            latencyMs: endMs - startMs,
            ...(error === undefined ? {} : { code: 2, ...nameOf(error) }),
            attributes: system === "sqlite" ? sqliteAttributes : postgresAttributes,
          });
        }
      };
    },
  };
}

const sqliteAttributes = { "db.system.name": "sqlite" };
const postgresAttributes = { "db.system.name": "postgresql" };

/** Only the kind of the error: its message may contain data. */
function nameOf(error: unknown): { readonly reason: string; readonly message: string } {
  const name = error instanceof Error ? error.name : "Error";
  return { reason: name, message: name };
}
