/** The result of a check. */
export interface CheckResult {
  readonly passed: boolean;
  /** What to fix; or, for a check that passed, what it had to skip and why. */
  readonly output?: string;
}
