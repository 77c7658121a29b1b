// What `npm run check` looks at, proved with things planted for it to find.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { notImplemented } from "../scripts/checks/implemented-services.ts";
import { missingFromLock } from "../scripts/checks/lock-file.ts";
import { shellScripts } from "../scripts/checks/package-scripts.ts";
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

describe("the scripts of package.json", () => {
  const programs = new Set(["node", "vitest"]);

  it.each(["node packages/cli/src/bin.ts up", "vitest run", "node test/run.ts --only=a,b"])("may be %s", (script) => {
    expect(shellScripts({ start: script }, programs)).toEqual([]);
  });

  it.each([
    "exec node main.ts",
    "CI=true vitest run",
    "node a.ts && node b.ts",
    "node a.ts; node b.ts",
    "node a.ts | node b.ts",
    "node a.ts > log",
    "node $npm_package_main",
    "node %npm_package_main%",
    "node 'a b.ts'",
    'node -e "1"',
    "node test/*.ts",
    "node ~/a.ts",
    "node a.ts &",
    "node $(which a)",
    "node `which a`",
    "node a\\\\b.ts",
    "node a.ts\nnode b.ts",
    "rm -rf dist",
    "cp a b",
    "",
  ])("may not be %j", (script) => {
    expect(shellScripts({ start: script }, programs)).toHaveLength(1);
  });
});

describe("a contract's services", () => {
  const contract = {
    path: "proto/a/v1/a.proto",
    text: "// About.\nservice AService {\n  rpc Do(DoRequest) returns (DoResponse);\n}\n",
  };

  it("are implemented where a package's own module does it", () => {
    const source = { path: "packages/a/src/a-service.ts", text: "return implement(AService, {\n});" };
    expect(notImplemented([contract], [source])).toEqual([]);
  });

  it.each([
    ["nobody does", "packages/a/src/a-service.ts", "return implement(BService, {});"],
    ["a stand-in alone does", "packages/a/src/testing/fake.ts", "implement(AService, {});"],
    ["a test alone does", "packages/a/src/a.test.ts", "implement(AService, {});"],
    ["one does in part", "packages/a/src/a-service.ts", "implementPartly(AService, {});"],
  ])("are not where %s", (_why, path, text) => {
    expect(notImplemented([contract], [{ path, text }])).toEqual([{ path: contract.path, service: "AService" }]);
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
