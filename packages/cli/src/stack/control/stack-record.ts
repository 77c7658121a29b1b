import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The address and token of a running stack's control server. Stored in the data folder, readable only by the stack's user. */
export interface ControlRecord {
  /** On a loopback address. */
  readonly url: string;
  /** Generated for each run. Its bearer may start and stop the stack's processes. */
  readonly token: string;
  /** The process of `parley up`. */
  readonly pid: number;
}

/** The file's name in the data folder. */
const controlFile = "stack.json";

export function controlPath(dataFolder: string): string {
  return join(dataFolder, controlFile);
}

/** The file is created with mode 0600, so that only its owner can ever read it. */
export async function writeControl(dataFolder: string, record: ControlRecord): Promise<void> {
  const draft = `${controlPath(dataFolder)}.${process.pid}`;
  await rm(draft, { force: true });
  await writeFile(draft, JSON.stringify(record), { mode: 0o600, flag: "wx" });
  await rename(draft, controlPath(dataFolder));
}

/** Undefined if no stack runs with the folder, or an older one without a control server. */
export async function readControl(dataFolder: string): Promise<ControlRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(controlPath(dataFolder), "utf8")) as ControlRecord;
    return runs(record.pid) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Removes the record of this process, but not one that another stack wrote since. */
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
