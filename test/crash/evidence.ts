import type { Ledger, SerialProducts } from "./ledger.ts";
import type { Observation, Watched } from "./observation.ts";

/** What the checks look at. */
export interface Evidence {
  /** Programs that exited unexpectedly, with their last lines. */
  readonly endedAlone: readonly string[];
  readonly ledger: Ledger;
  /** How things stood before the first request. */
  readonly before: Observation;
  /** How things stand at rest. */
  readonly after: Observation;
  readonly watched: Watched;
  readonly serialProducts: SerialProducts;
}
