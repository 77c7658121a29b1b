import { stat } from "node:fs/promises";
import { join } from "node:path";
import { bad, type Finding, good } from "./finding.ts";

/** Files may come from a machine whose clock is a little ahead. */
const toleranceMs = 60 * 60 * 1_000;

/** Whether this machine's clock is plausible: not before this repository's files. */
export async function checkClock(root: string, nowMs = Date.now()): Promise<Finding> {
  const { mtimeMs } = await stat(join(root, "package.json"));
  return nowMs < mtimeMs - toleranceMs
    ? bad(
        `The clock shows ${new Date(nowMs).toISOString()}, which is before package.json was written`,
        "Set the clock: ids, tokens and certificates depend on it.",
      )
    : good(`The clock shows ${new Date(nowMs).toISOString()}`);
}
