import type { Disk } from "./disk.ts";

/** Calls back on a later turn of the event loop, after every promise settled by now has called back. */
export type Schedule = (callback: () => void) => void;

/** A moment in the life of a group, at which a simulation may cut the database off. */
export type CommitPoint = "begin" | "work" | "commit" | "committed";

export interface GroupCommitOptions {
  readonly schedule: Schedule;
  /** Waited for after each commit. Without it a commit is durable at once. */
  readonly disk?: Disk | undefined;
  readonly atPoint?: ((point: CommitPoint) => void) | undefined;
}
