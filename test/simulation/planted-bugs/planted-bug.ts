import type { Invariant } from "../invariants/violation.ts";
import type { Seams } from "../world/seams.ts";

/** A mistake that other order systems make, put in the place of what Parley does. */
export interface PlantedBug {
  readonly name: string;
  readonly seams: Seams;
  /** The promises that it breaks: one of them must be found broken. */
  readonly breaks: readonly Invariant[];
  /** Whether ending processes at each point of a short visit, with nothing else going wrong, finds it too. */
  readonly isFoundByCrashes?: true;
}
