import { mkdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UsageError } from "../outcome/usage-error.ts";

/** Files to write, collected first, so that a refused command leaves the repository unchanged. */
export class Changes {
  readonly #root: string;
  readonly #before = new Map<string, string | undefined>();
  readonly #after = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  /** The files to write, by path from the repository's top folder. */
  get paths(): readonly { readonly path: string; readonly isNew: boolean }[] {
    return [...this.#after.keys()].map((path) => ({ path, isNew: this.#before.get(path) === undefined }));
  }

  /**
   * Adds a file.
   * @throws UsageError if it exists.
   */
  async create(path: string, text: string): Promise<void> {
    if ((await this.#read(path)) !== undefined) {
      throw new UsageError(`${path} exists already. Choose another name, or remove it.`);
    }
    this.#after.set(path, text);
  }

  /**
   * Changes a file.
   * @throws UsageError if it does not exist.
   */
  async edit(path: string, change: (text: string) => string): Promise<void> {
    const text = await this.#read(path);
    if (text === undefined) {
      throw new UsageError(`${path} is missing. Restore it with git.`);
    }
    this.#after.set(path, change(text));
  }

  /** Writes all files, and then calls `work`. If either fails, restores every file. */
  async write(work: () => Promise<void>): Promise<void> {
    try {
      for (const [path, text] of this.#after) {
        await this.#replace(path, text);
      }
      await work();
    } catch (error) {
      await this.#undo();
      throw error;
    }
  }

  async #undo(): Promise<void> {
    for (const [path, text] of this.#before) {
      if (text === undefined) {
        await rm(join(this.#root, path), { force: true });
        await this.#removeEmptyFolders(dirname(path));
      } else {
        await this.#replace(path, text);
      }
    }
  }

  async #removeEmptyFolders(path: string): Promise<void> {
    try {
      await rmdir(join(this.#root, path));
    } catch {
      // It has other files, or was never created.
      return;
    }
    await this.#removeEmptyFolders(dirname(path));
  }

  /** Writes a new file and renames it: node_modules may be hard-linked to another clone's. */
  async #replace(path: string, text: string): Promise<void> {
    const file = join(this.#root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  async #read(path: string): Promise<string | undefined> {
    const changed = this.#after.get(path);
    if (changed !== undefined) {
      return changed;
    }
    const text = await readFile(join(this.#root, path), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        return undefined;
      }
      throw error;
    });
    this.#before.set(path, text);
    return text;
  }
}

/**
 * Inserts lines before the first line that begins with `before`, or after the last one that `after` matches.
 * @throws UsageError if the text has no such line.
 */
export function insertLines(
  text: string,
  lines: string,
  { path, before, after }: { readonly path: string; readonly before?: string; readonly after?: RegExp },
): string {
  const all = text.split("\n");
  const index =
    before === undefined
      ? all.findLastIndex((line) => after?.test(line)) + 1
      : all.findIndex((line) => line.startsWith(before));
  if (index < (before === undefined ? 1 : 0)) {
    throw new UsageError(`${path} has no line like ${before ?? after}; add the lines by hand:\n${lines}`);
  }
  return all.toSpliced(index, 0, lines).join("\n");
}
