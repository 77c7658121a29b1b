/** A violation of the architecture rules. */
export interface Violation {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly problem: string;
}
