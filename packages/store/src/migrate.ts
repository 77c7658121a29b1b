import { createHash } from "node:crypto";
import type { Migration } from "./database.ts";
import { MigrationError } from "./store-errors.ts";

/** The operations that a store provides for migrations. */
export interface MigrationTarget {
  /** The applied steps. Creates the table of applied steps if it does not exist. */
  applied(): readonly AppliedMigration[];
  /** Applies a step and records it, atomically. */
  apply(migration: Migration, checksum: string): void;
}

export interface AppliedMigration {
  readonly id: string;
  readonly checksum: string;
}

/** The table that records the applied steps. */
export const migrationsTable =
  "CREATE TABLE IF NOT EXISTS parley_migrations (id TEXT PRIMARY KEY, checksum TEXT NOT NULL, apply_time BIGINT NOT NULL)";

/** Migrates a schema: applies each pending step, in order. Throws {@link MigrationError} as {@link pendingMigrations} does. */
export function migrate(target: MigrationTarget, migrations: readonly Migration[]): void {
  for (const { migration, checksum } of pendingMigrations(target.applied(), migrations)) {
    try {
      target.apply(migration, checksum);
    } catch (cause) {
      throw migrationFailed(migration, cause);
    }
  }
}

/** A step that was not applied yet. */
export interface PendingMigration {
  readonly migration: Migration;
  readonly checksum: string;
}

/**
 * The steps that were not applied yet, in order. Throws {@link MigrationError} if an applied step was changed, if a new step sorts before an applied
 * one of its set, or if an applied step is unknown, unless a newer version of this program may have applied it: see {@link refuseForeign}.
 */
export function pendingMigrations(
  appliedSteps: readonly AppliedMigration[],
  migrations: readonly Migration[],
): readonly PendingMigration[] {
  const steps = inOrder(migrations);
  const applied = new Map(appliedSteps.map((step) => [step.id, step.checksum]));
  refuseForeign(steps, applied);
  const newestBySet = new Map<string, string>();
  for (const id of applied.keys()) {
    const { set } = place(id);
    const newest = newestBySet.get(set);
    if (newest === undefined || compareIds(id, newest) > 0) {
      newestBySet.set(set, id);
    }
  }
  const pending: PendingMigration[] = [];
  for (const migration of steps) {
    const checksum = createHash("sha256").update(migration.sql).digest("hex");
    const known = applied.get(migration.id);
    if (known === undefined) {
      const newest = newestBySet.get(place(migration.id).set);
      if (newest !== undefined && compareIds(migration.id, newest) < 0) {
        throw new MigrationError(
          `Migration ${migration.id} is new but sorts before ${newest}, which was applied: give it a later number.`,
        );
      }
      pending.push({ migration, checksum });
    } else if (known !== checksum) {
      throw new MigrationError(
        `Migration ${migration.id} was changed after it had been applied to this database. Revert the change and add it as a new migration.`,
      );
    }
  }
  return pending;
}

/** The error for a step that could not be applied. */
export function migrationFailed({ id }: Migration, cause: unknown): MigrationError {
  return new MigrationError(`Migration ${id} failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

/**
 * Refuses a database of another program, and one from which a newer version has removed something. During a rolling upgrade a replica of the older
 * version may start beside the newer one, and after a rollback only older ones run: all their steps are applied, and the steps that they do not know
 * come later. Such steps only add, unless their name begins with `contract-` (CONTRIBUTING.md, "Migrations").
 */
function refuseForeign(steps: readonly Migration[], applied: ReadonlyMap<string, string>): void {
  const known = new Set(steps.map((step) => step.id));
  const unknown = [...applied.keys()].filter((id) => !known.has(id));
  const isOlder = steps.length > 0 && steps.every(({ id }) => applied.has(id));
  for (const id of unknown) {
    const { set, isContraction } = place(id);
    const comesLater = steps.every((step) => place(step.id).set !== set || compareIds(step.id, id) < 0);
    if (isContraction || !isOlder || !comesLater) {
      throw new MigrationError(
        `The database has migration ${id}, which this program does not know: it was written by ${
          isContraction && isOlder ? "a newer version, and older versions can no longer use it" : "another program"
        }. Use the version that wrote it, or another database.`,
      );
    }
  }
}

function inOrder(migrations: readonly Migration[]): readonly Migration[] {
  const sorted = [...migrations].sort((a, b) => compareIds(a.id, b.id));
  sorted.forEach((step, index) => {
    const before = sorted[index - 1];
    if (before !== undefined && compareIds(before.id, step.id) === 0) {
      throw new MigrationError(`Migrations ${before.id} and ${step.id} have the same number.`);
    }
  });
  return sorted;
}

function compareIds(a: string, b: string): number {
  const left = place(a);
  const right = place(b);
  if (left.set !== right.set) {
    return left.set < right.set ? -1 : 1;
  }
  return left.number - right.number;
}

interface Place {
  readonly set: string;
  readonly number: number;
  /** Whether the step removes something that older versions use. */
  readonly isContraction: boolean;
}

function place(id: string): Place {
  const match = /^(?:([a-z][a-z0-9-]*)\/)?(\d+)-([a-z0-9-]+)$/.exec(id);
  if (match === null) {
    throw new MigrationError(`"${id}" is not a migration id: expected a number and a name, such as 0001-orders.`);
  }
  return { set: match[1] ?? "", number: Number(match[2]), isContraction: match[3]?.startsWith("contract-") === true };
}
