import type { Disk } from "./disk.ts";

/** Calls back on a later event-loop tick, after the callbacks of all promises settled so far. */
export type Schedule = (callback: () => void) => void;

/** A point in the processing of a group at which a simulation may crash the database. */
export type CommitPoint = "begin" | "work" | "commit" | "committed";

export interface GroupCommitOptions {
  readonly schedule: Schedule;
  /** Waits for fsync after each commit. Without it a commit counts as durable at once. */
  readonly disk?: Disk | undefined;
  readonly atPoint?: ((point: CommitPoint) => void) | undefined;
}
