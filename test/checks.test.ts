// What `npm run check` looks at, proved with things planted for it to find.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { missingFromLock } from "../scripts/checks/lock-file.ts";
import { compareGenerated, writeGenerated } from "../scripts/generated-code.ts";

describe("the lock file", () => {
  const biome = { optionalDependencies: { "@biomejs/cli-linux-x64": "2.6.8" } };

  it("is complete if each optional package is described, at the top or below", () => {
    expect(missingFromLock({ packages: { a: biome, "node_modules/@biomejs/cli-linux-x64": {} } })).toEqual([]);
    expect(missingFromLock({ packages: { a: biome, "a/node_modules/@biomejs/cli-linux-x64": {} } })).toEqual([]);
  });

  it("is not if one is only named", () => {
    expect(missingFromLock({ packages: { a: biome } })).toEqual(["@biomejs/cli-linux-x64"]);
  });
});

describe("generated code", () => {
  let folder = "";
  let gen = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "parley-generated-"));
    gen = join(folder, "kept");
    await write("gen/a/v1/a_pb.js", "one");
    await write("gen/a/v1/a_pb.d.ts", "two");
    await cp(join(folder, "gen"), gen, { recursive: true });
    await write("kept/package.json", "{}");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  it("is up to date where nothing differs but what is written by hand", async () => {
    expect(await compareGenerated(folder, gen)).toEqual([]);
  });

  it("is not where a file was edited, is missing, or is left over; writing it anew repairs all three", async () => {
    await write("kept/a/v1/a_pb.js", "edited");
    await rm(join(gen, "a/v1/a_pb.d.ts"));
    await write("kept/old/v1/old_pb.js", "left over");
    const differences = await compareGenerated(folder, gen);
    expect(differences).toEqual([
      { path: "a/v1/a_pb.d.ts", kind: "new" },
      { path: "a/v1/a_pb.js", kind: "changed" },
      { path: "old/v1/old_pb.js", kind: "stale" },
    ]);
    await writeGenerated(folder, gen, differences);
    expect(await compareGenerated(folder, gen)).toEqual([]);
    expect(await readFile(join(gen, "package.json"), "utf8")).toBe("{}");
  });
});
