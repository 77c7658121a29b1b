import { writeSync } from "node:fs";

/** Tells the bench where this contender listens, past whatever logs are written to standard output. */
export function ready(port: number): void {
  writeSync(3, `${port}\n`);
  process.once("SIGTERM", () => process.exit(0));
}
