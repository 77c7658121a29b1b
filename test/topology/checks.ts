/** Prints each check, and counts. */
export interface Checks {
  /** Runs a check, which fails by throwing. */
  check(name: string, test: () => Promise<string | undefined>): Promise<void>;
  hasFailed(): boolean;
  /** Prints the totals as the last line, and returns the exit code. */
  finish(): number;
}

export function createChecks(): Checks {
  let [passed, failed] = [0, 0];
  return {
    async check(name, test) {
      try {
        const details = await test();
        passed++;
        console.log(`✓ ${name}${details === undefined ? "" : `: ${details}`}`);
      } catch (error) {
        failed++;
        console.log(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    hasFailed: () => failed > 0,
    finish() {
      console.log(`${passed} passed, ${failed} failed`);
      return failed === 0 ? 0 : 1;
    },
  };
}

/** Fails a check, with the message, if the list is not empty. */
export function expectNone(what: string, found: readonly string[]): void {
  if (found.length > 0) {
    throw new Error(`${found.length} ${what}:\n  ${found.slice(0, 8).join("\n  ")}`);
  }
}
