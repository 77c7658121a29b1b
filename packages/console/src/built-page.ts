import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** One file of the page. Its name contains a hash of its content, so that browsers may cache it forever. */
export interface PageFile {
  readonly name: string;
  /** Its media type. */
  readonly type: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  /** Whether the first view needs it. The others are loaded on demand. */
  readonly first: boolean;
}

/** A build of the console. */
export interface BuiltPage {
  /** The hash of all sources, see `sourceHash`. */
  readonly sourceHash: string;
  /** The folder of its files. Each file also exists gzip-compressed, with the suffix `.gz`. */
  readonly folder: string;
  readonly html: string;
  readonly files: readonly PageFile[];
}

/** The folder of all builds. It is not committed. */
export const buildsFolder = fileURLToPath(new URL("../../../node_modules/.cache/parley/console", import.meta.url));

/** The number of builds that are kept: the current one, and the previous one, which an open tab may still load from. */
const buildsMax = 2;

const currentFile = "current.json";

/** The current build. Undefined if there is none. */
export async function readBuiltPage(folder = buildsFolder): Promise<BuiltPage | undefined> {
  try {
    const page = JSON.parse(await readFile(join(folder, currentFile), "utf8")) as BuiltPage;
    return { ...page, folder: join(folder, page.sourceHash) };
  } catch {
    return undefined;
  }
}

/** Publishes a build atomically and removes old ones. `folder` contains its files, and is moved. */
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

/** Creates a folder for the files of a new build. */
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
