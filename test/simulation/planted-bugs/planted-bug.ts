import type { Invariant } from "../invariants/violation.ts";
import type { Failover } from "../world/failover.ts";
import type { Faults } from "../world/faults.ts";
import type { Seams, ServiceName } from "../world/seams.ts";

/** A typical mistake of order systems, planted in Parley. */
export interface PlantedBug {
  readonly name: string;
  readonly seams: Seams;
  /** The invariants that it violates. The simulation must report at least one of them. */
  readonly breaks: readonly Invariant[];
  /** Whether crashing processes at each point of a short visit, without other faults, also finds it. */
  readonly isFoundByCrashes?: true;
  /** The services that have two processes when the bug is searched for: it is none where they have one. Default: as the seed decides. */
  readonly replicated?: readonly ServiceName[];
  /** Whether, or when, the database server fails over to a standby that lacks the last commits. Default: as the seed decides. */
  readonly losesTail?: true | Failover;
  /** Faults that expose it, in place of those that a seed draws. */
  readonly faults?: Partial<Faults>;
}
