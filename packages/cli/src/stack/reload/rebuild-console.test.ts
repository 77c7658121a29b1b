import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import picocolors from "picocolors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rebuildConsoleOnChange } from "./rebuild-console.ts";

const patience = { timeout: 30_000, interval: 10 };

let folder: string;
let said: string[];
let isFresh: boolean;
/** The number of checks whether the build is up to date. */
let checks: number;
/** The promise of each build. */
let builds: PromiseWithResolvers<void>[];
let end: () => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "parley-console-"));
  [said, builds, isFresh, checks] = [[], [], false, 0];
  end = rebuildConsoleOnChange({
    terminal: {
      interactive: false,
      colors: picocolors.createColors(false),
      width: 80,
      say: (line = "") => said.push(line),
      log() {},
      status() {},
    },
    folders: [folder],
    async isBuilt() {
      checks++;
      return isFresh;
    },
    build() {
      const build = Promise.withResolvers<void>();
      builds.push(build);
      return build.promise;
    },
  });
});
afterEach(async () => {
  end();
  await rm(folder, { recursive: true, force: true });
});

let edits = 0;
const edit = (name: string) => writeFile(join(folder, name), `/* ${"x".repeat(++edits)} */`);

describe("a change of the console's sources", () => {
  it.each(["app.tsx", "theme.ts", "page.css", "icon.svg"])("in %s builds the page", async (name) => {
    await edit(name);
    await expect.poll(() => builds.length, patience).toBe(1);
    builds[0]?.resolve();
    await expect.poll(() => said, patience).toEqual([expect.stringMatching(`${name} changed. Rebuilt the console`)]);
  });

  it("during a build is built after it, once", async () => {
    await edit("app.tsx");
    await expect.poll(() => builds.length, patience).toBe(1);
    await edit("app.tsx");
    await edit("page.css");
    // The watcher waits for a quiet moment; a build that began meanwhile would be a second one.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(builds).toHaveLength(1);
    builds[0]?.resolve();
    await expect.poll(() => builds.length, patience).toBe(2);
    builds[1]?.resolve();
    await expect.poll(() => said.length, patience).toBe(2);
  });

  it("with an error prints its message, and the next change is built", async () => {
    await edit("app.tsx");
    await expect.poll(() => builds.length, patience).toBe(1);
    builds[0]?.reject(new Error("app.tsx:1: Unexpected token\n"));
    await expect
      .poll(() => said, patience)
      .toEqual([
        "The console could not be built: app.tsx:1: Unexpected token",
        "The page is unchanged. Waiting for the next change.",
      ]);
    await edit("app.tsx");
    await expect.poll(() => builds.length, patience).toBe(2);
    builds[1]?.resolve();
  });

  it("builds nothing if the build is up to date", async () => {
    isFresh = true;
    await edit("app.tsx");
    await expect.poll(() => checks, patience).toBeGreaterThan(0);
    expect([builds, said]).toEqual([[], []]);
  });

  it("ignores tests", async () => {
    await edit("app.test.tsx");
    await edit("theme.ts");
    await expect.poll(() => builds.length, patience).toBe(1);
    builds[0]?.resolve();
    await expect.poll(() => said, patience).toEqual([expect.stringMatching("theme.ts changed. Rebuilt")]);
  });
});
