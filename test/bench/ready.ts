import { writeSync } from "node:fs";

/** Reports this contender's port to the benchmark on file descriptor 3, because standard output may contain logs. */
export function ready(port: number): void {
  writeSync(3, `${port}\n`);
  process.once("SIGTERM", () => process.exit(0));
}
