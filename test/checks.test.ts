// Tests the checks of `npm run check` with planted violations.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { notImplemented } from "../scripts/checks/implemented-services.ts";
import { type LockFile, lockFileProblems, type WorkspaceManifest } from "../scripts/checks/lock-file.ts";
import { shellScripts } from "../scripts/checks/package-scripts.ts";
import { hiddenActors } from "../scripts/checks/plain-words.ts";
import { compareGenerated, writeGenerated } from "../scripts/generated-code.ts";

describe("the lock file", () => {
  const installed = { version: "1.0.0" };
  const top = { name: "top", version: "1.0.0", devDependencies: { biome: "2.0.0" } };
  const review = { name: "@parley/review", version: "0.1.0", dependencies: { connect: "2.0.0" } };
  const manifests = new Map<string, WorkspaceManifest>([
    ["", top],
    ["packages/review", review],
  ]);
  const complete: LockFile = {
    packages: {
      "": top,
      "packages/review": review,
      "node_modules/@parley/review": { resolved: "packages/review", link: true },
      "node_modules/biome": { ...installed, optionalDependencies: { "biome-linux": "2.0.0" } },
      "node_modules/biome-linux": installed,
      "node_modules/connect": { ...installed, peerDependencies: { protobuf: "2.0.0" } },
      "node_modules/connect/node_modules/protobuf": installed,
    },
  };

  function without(path: string): LockFile {
    return { packages: Object.fromEntries(Object.entries(complete.packages).filter(([other]) => other !== path)) };
  }
  function withEntry(path: string, entry: object): LockFile {
    return { packages: { ...complete.packages, [path]: { ...complete.packages[path], ...entry } } };
  }

  it("is complete if it has every workspace and the dependencies of each package, at the root or below", () => {
    expect(lockFileProblems(complete, manifests)).toEqual([]);
  });

  it.each([
    ["a workspace", without("packages/review"), "packages/review/package.json is not in"],
    ["a workspace's link", without("node_modules/@parley/review"), "does not link node_modules/@parley/review"],
    ["a dependency of a workspace", without("node_modules/connect"), "packages/review needs it"],
    ["a development dependency", without("node_modules/biome"), "package.json needs it"],
    ["a package for another operating system", without("node_modules/biome-linux"), "node_modules/biome needs it"],
    ["a peer", without("node_modules/connect/node_modules/protobuf"), "node_modules/connect needs it"],
    ["a package's version", withEntry("node_modules/biome-linux", { version: undefined }), 'no "version"'],
    ["a new dependency", withEntry("packages/review", { dependencies: {} }), "has other dependencies"],
    ["a new version", withEntry("packages/review", { version: "0.0.1" }), "has another version"],
    ["that a workspace was removed", withEntry("packages/old", { name: "old" }), "no longer a workspace"],
  ])("is incomplete without %s", (_what, lock, problem) => {
    expect(lockFileProblems(lock, manifests).join("\n")).toContain(problem);
  });

  it("may omit an optional peer dependency", () => {
    const entry = { peerDependencies: { redis: "1.0.0" }, peerDependenciesMeta: { redis: { optional: true } } };
    expect(lockFileProblems(withEntry("node_modules/connect", { ...installed, ...entry }), manifests)).toEqual([]);
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

describe("plain words", () => {
  it.each([
    ["// Nobody reads it.", false],
    ["/** The calls under way. */", false],
    [" * Closed for whoever comes next.", false],
    ['  it("is told to somebody", async () => {', false],
    ["A page that nobody reads.", true],
  ])("rejects %j", (line, isPage) => {
    expect(hiddenActors(`first\n${line}`, isPage)).toEqual([expect.stringMatching(/^2: says "/)]);
  });

  it.each([
    ['const user = "nobody";', false],
    ["// Runs as `nobody`.", false],
    ["// No caller reads it.", false],
    ["The user `nobody` has the id 65534.", true],
  ])("accepts %j", (line, isPage) => {
    expect(hiddenActors(line, isPage)).toEqual([]);
  });
});

describe("a contract's services", () => {
  const contract = {
    path: "proto/a/v1/a.proto",
    text: "// About.\nservice AService {\n  rpc Do(DoRequest) returns (DoResponse);\n}\n",
  };

  it("are implemented if a module of a package calls implement", () => {
    const source = { path: "packages/a/src/a-service.ts", text: "return implement(AService, {\n});" };
    expect(notImplemented([contract], [source])).toEqual([]);
  });

  it.each([
    ["no module calls it", "packages/a/src/a-service.ts", "return implement(BService, {});"],
    ["only a fake calls it", "packages/a/src/testing/fake.ts", "implement(AService, {});"],
    ["only a test calls it", "packages/a/src/a.test.ts", "implement(AService, {});"],
    ["a module implements it in part", "packages/a/src/a-service.ts", "implementPartly(AService, {});"],
  ])("are not implemented if %s", (_why, path, text) => {
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

  it("is up to date if only handwritten files differ", async () => {
    expect(await compareGenerated(folder, gen)).toEqual([]);
  });

  it("is stale if a file was edited, is missing, or is left over; regenerating repairs all three", async () => {
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
