import type { Ledger, SerialProducts } from "./ledger.ts";
import type { Observation, Watched } from "./observation.ts";

/** The input of the checks. */
export interface Evidence {
  /** Programs that exited unexpectedly, with their last output. */
  readonly endedAlone: readonly string[];
  readonly ledger: Ledger;
  /** The state before the first request. */
  readonly before: Observation;
  /** The state after everything has settled. */
  readonly after: Observation;
  readonly watched: Watched;
  readonly serialProducts: SerialProducts;
}
