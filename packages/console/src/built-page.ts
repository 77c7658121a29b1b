import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One file of the page. Its name carries a hash of its content, so that browsers may keep it for ever. */
export interface PageFile {
  readonly name: string;
  /** Its media type. */
  readonly type: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Whether the first view needs it; the others are loaded when they are used. */
  readonly first: boolean;
}

/** A build of the console. */
export interface BuiltPage {
  /** The hash of everything that it was made from, see `sourceHash`. */
  readonly sourceHash: string;
  /** Where its files are. Beside each lies the same compressed, with `.gz` behind its name. */
  readonly folder: string;
  readonly html: string;
  readonly files: readonly PageFile[];
}

/** Where builds are kept. Nothing of it is committed. */
export const buildsFolder = fileURLToPath(new URL("../../../node_modules/.cache/parley/console", import.meta.url));

/** The builds that are kept: the current one, and the one that an open tab may still load parts of. */
const buildsMax = 2;

const currentFile = "current.json";

/** The current build; undefined if there is none. */
export async function readBuiltPage(folder = buildsFolder): Promise<BuiltPage | undefined> {
  try {
    const page = JSON.parse(await readFile(join(folder, currentFile), "utf8")) as BuiltPage;
    return { ...page, folder: join(folder, page.sourceHash) };
  } catch {
    return undefined;
  }
}

/** Makes a build the current one, in one step, and removes old ones. `folder` holds its files, and is moved. */
export async function publishBuild(page: BuiltPage, folder = buildsFolder): Promise<void> {
  const place = join(folder, page.sourceHash);
  await rm(place, { recursive: true, force: true });
  await rename(page.folder, place);
  const draft = join(folder, `${currentFile}.${process.pid}`);
  await writeFile(draft, JSON.stringify(page));
  const before = await readBuiltPage(folder);
  await rename(draft, join(folder, currentFile));
  await removeOldBuilds(folder, [page.sourceHash, before?.sourceHash ?? ""].slice(0, buildsMax));
}

/** A new folder for the files of the current build. */
export async function draftFolder(folder = buildsFolder): Promise<string> {
  const draft = join(folder, `.draft-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  return draft;
}

async function removeOldBuilds(folder: string, kept: readonly string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const old = entries.filter(({ name }) => !name.startsWith(".") && !kept.includes(name));
  await Promise.all(
    old
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => rm(join(folder, name), { recursive: true, force: true })),
  );
}
