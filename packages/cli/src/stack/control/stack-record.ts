import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** How the control of a running stack is reached. In the data folder, for the stack's own user alone. */
export interface ControlRecord {
  /** On a loopback address. */
  readonly url: string;
  /** Generated for each run. Its bearer may start and end the stack's processes. */
  readonly token: string;
  /** The process of `parley up`. */
  readonly pid: number;
}

/** The file's name in the data folder. */
const controlFile = "stack.json";

export function controlPath(dataFolder: string): string {
  return join(dataFolder, controlFile);
}

/** Readable by its owner alone from the moment that it exists. */
export async function writeControl(dataFolder: string, record: ControlRecord): Promise<void> {
  const draft = `${controlPath(dataFolder)}.${process.pid}`;
  await rm(draft, { force: true });
  await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: "wx" });
  await rename(draft, controlPath(dataFolder));
}

/** Undefined if no stack runs with the folder, or an older one that has no control. */
export async function readControl(dataFolder: string): Promise<ControlRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(controlPath(dataFolder), "utf8")) as ControlRecord;
    return runs(record.pid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Removes what this process wrote, and not what another stack wrote since. */
export async function removeControl(dataFolder: string): Promise<void> {
  if ((await readControl(dataFolder))?.pid === process.pid) {
    await rm(controlPath(dataFolder), { force: true });
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
