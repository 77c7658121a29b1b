import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Changes, insertLines } from "./changes.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-changes-"));
  await mkdir(join(folder, "docs"));
  await writeFile(join(folder, "docs/guide.md"), "one\n");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function everyFile(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, "utf8")])),
  );
}

async function planned(): Promise<Changes> {
  const changes = new Changes(folder);
  await changes.create("packages/review/src/review.ts", "new\n");
  await changes.edit("docs/guide.md", (text) => `${text}two\n`);
  await changes.edit("docs/guide.md", (text) => `${text}three\n`);
  return changes;
}

it("writes nothing before all changes are known", async () => {
  await planned();
  expect(await everyFile()).toEqual({ "docs/guide.md": "one\n" });
});

it("writes every file, and names each once", async () => {
  const changes = await planned();
  await changes.write(async () => {});
  expect(await everyFile()).toEqual({
    "docs/guide.md": "one\ntwo\nthree\n",
    "packages/review/src/review.ts": "new\n",
  });
  expect(changes.paths).toEqual([
    { path: "packages/review/src/review.ts", isNew: true },
    { path: "docs/guide.md", isNew: false },
  ]);
});

it("restores everything, also empty folders, if a later step fails", async () => {
  const changes = await planned();
  const failed = changes.write(async () => {
    throw new Error("generate failed");
  });
  await expect(failed).rejects.toThrow("generate failed");
  expect(await everyFile()).toEqual({ "docs/guide.md": "one\n" });
  expect(await readdir(folder)).toEqual(["docs"]);
});

it("does not write into a file that another clone shares by a hard link", async () => {
  await link(join(folder, "docs/guide.md"), join(folder, "shared.md"));
  await (await planned()).write(async () => {});
  expect(await readFile(join(folder, "shared.md"), "utf8")).toBe("one\n");
});

it("refuses to create an existing file, and to edit a missing one", async () => {
  const changes = new Changes(folder);
  await expect(changes.create("docs/guide.md", "")).rejects.toThrow("docs/guide.md exists already");
  await expect(changes.edit("docs/other.md", (text) => text)).rejects.toThrow("docs/other.md is missing");
});

it("inserts lines before the first line with a prefix, or after the last match", () => {
  const text = "| a |\n| b |\n| c |\n";
  expect(insertLines(text, "x", { path: "f", before: "| b" })).toBe("| a |\nx\n| b |\n| c |\n");
  expect(insertLines(text, "x", { path: "f", after: /^\| [ab]/ })).toBe("| a |\n| b |\nx\n| c |\n");
  expect(() => insertLines(text, "x", { path: "f", before: "| z" })).toThrow("f has no line like | z");
  expect(() => insertLines(text, "x", { path: "f", after: /z/ })).toThrow("f has no line like /z/");
});
