/** What a check found. */
export interface CheckResult {
  readonly passed: boolean;
  /** What is to be repaired, or why a check that passed could not look at everything. */
  readonly output?: string;
}
