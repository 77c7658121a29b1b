import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { bad, type Finding, good, note } from "./finding.ts";

/** With less space than this, the databases may not be able to grow. */
const freeBytesMin = 512 * 1024 * 1024;
const megabyte = 1024 * 1024;

/** Whether the databases can be written in the data folder, and have space to grow. */
export async function checkDataFolder(folder: string): Promise<readonly Finding[]> {
  const nearest = await existing(folder);
  const isFolder = (await stat(nearest)).isDirectory();
  if (!isFolder) {
    return [bad(`--data: ${nearest} is a file, not a folder`, "Name a folder with --data, or move the file away.")];
  }
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch {
    return [
      bad(
        `--data: ${nearest} cannot be written to by this user`,
        "Change its owner, or name another folder with --data.",
      ),
    ];
  }
  const { bavail, bsize } = await statfs(nearest);
  const freeBytes = bavail * bsize;
  const free = `${Math.floor(freeBytes / megabyte).toLocaleString("en-US")} MB free`;
  if (freeBytes < freeBytesMin) {
    const remedy = "Free some space, or name another folder with --data.";
    return [{ ...bad(`The disk of ${nearest} is nearly full: ${free}`, remedy), preventsStart: false }];
  }
  return [
    nearest === folder ? good(`${folder} can be written to, ${free}`) : note(`${folder} will be created, ${free}`),
  ];
}

/** The folder, or its nearest existing parent. */
async function existing(folder: string): Promise<string> {
  try {
    await stat(folder);
    return folder;
  } catch (error) {
    const parent = dirname(folder);
    // ENOTDIR: a file is in the folder's path; the loop finds it.
    if (parent === folder) {
      throw error;
    }
    return existing(parent);
  }
}
