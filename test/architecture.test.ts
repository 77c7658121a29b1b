import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importsOf } from "../scripts/architecture/imports.ts";
import { inspectArchitecture, tooLong } from "../scripts/architecture/inspect.ts";
import { serviceFiles } from "../scripts/architecture/rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

it("holds in this repository", async () => {
  expect(await inspectArchitecture(root)).toEqual([]);
});

describe("in a tree with a planted violation", () => {
  let tree = "";

  beforeEach(async () => {
    tree = await mkdtemp(join(tmpdir(), "parley-architecture-"));
    await cp(join(root, "package.json"), join(tree, "package.json"));
    for (const name of ["rpc", "store", "events", "user", "product", "order", "cli", "client"]) {
      await mkdir(join(tree, "packages", name, "src"), { recursive: true });
      await cp(join(root, "packages", name, "package.json"), join(tree, "packages", name, "package.json"));
    }
    for (const name of ["user", "order"]) {
      for (const file of serviceFiles) {
        const path = join(tree, "packages", name, "src", file.replace("<name>", name));
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, "");
      }
    }
  });
  afterEach(() => rm(tree, { recursive: true, force: true }));

  async function plant(path: string, source: string): Promise<readonly string[]> {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), source);
    return (await inspectArchitecture(tree)).map(({ file, problem }) => `${file}: ${problem}`);
  }

  it("reports nothing without a planted violation", async () => {
    expect(await inspectArchitecture(tree)).toEqual([]);
  });

  it.each([
    ["packages/order/src/order-service.ts", "imports the service user", 'import { x } from "@parley/user";'],
    ["packages/order/src/order.test.ts", "imports the service product", 'import { x } from "@parley/product";'],
    [
      "packages/order/src/order.ts",
      "out of its package by a relative path",
      'export { x } from "../../user/src/user.ts";',
    ],
    ["packages/order/src/order.ts", "out of its package", 'const x = await import("../../../test/x.ts");'],
    ["packages/order/src/order.ts", "not the service's edge", 'import type { Code } from "@connectrpc/connect";'],
    ["packages/order/src/order-store.ts", "not the service's edge", 'import { serve } from "@parley/rpc/server";'],
    [
      "packages/rpc/src/server/x.ts",
      "may not import a business contract",
      'import "@parley/gen/order/v1/order_pb.js";',
    ],
    ["packages/rpc/src/server/x.ts", "rpc may not import store", 'import { openDatabase } from "@parley/store";'],
    ["packages/store/src/x.ts", "store may not import rpc", 'import { systemClock } from "@parley/rpc";'],
    ["packages/events/src/x.ts", "imports the service order", 'import { x } from "@parley/order";'],
    ["packages/cli/src/x.ts", "it may only call it", 'import { createOrderModule } from "@parley/order";'],
    ["packages/client/src/x.ts", "client may import nothing but", 'import { readFile } from "node:fs";'],
    ["packages/user/src/x.ts", "imports lodash, which its package.json does not name", 'import lodash from "lodash";'],
    ["packages/user/src/x.ts", "imports vitest, which", 'import { it } from "vitest";'],
    ["packages/user/src/x.ts", "imports left-pad", 'const x = require("left-pad");'],
    ["packages/user/src/x.ts", "imports left-pad", 'type T = import("left-pad").T;'],
    ["packages/billing/src/x.ts", "has no rule", 'import "@parley/rpc";'],
    ["test/e2e/x.test.ts", "import it by name", 'import { x } from "../../packages/user/src/user.ts";'],
    ["scripts/x.ts", "imports left-pad", 'import { x } from "left-pad";'],
    ["packages/user/src/long.ts", "has 301 lines", "export {};\n".repeat(301)],
  ])("%s: %s", async (path, problem, source) => {
    if (path.startsWith("packages/billing/")) {
      await mkdir(join(tree, "packages/billing"));
      await writeFile(join(tree, "packages/billing/package.json"), '{"dependencies":{"@parley/rpc":"0.1.0"}}');
    }
    const problems = await plant(path, source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${path}: `);
    expect(problems[0]).toContain(problem);
  });

  it.each([
    ["by value", 'export { b } from "./b.ts";', 'export { a } from "./a.ts";'],
    ["by a type import", 'import type { B } from "./b.ts";', 'import { a } from "./a.ts";'],
    ["by an import type", 'type B = import("./b.ts").B;', 'import { a } from "./a.ts";'],
  ])("reports an import cycle %s", async (_how, a, b) => {
    await plant("packages/store/src/a.ts", a);
    expect(await plant("packages/store/src/b.ts", b)).toEqual([
      "packages/store/src/a.ts: imports in a circle with packages/store/src/b.ts",
    ]);
  });

  it.each([
    ["packages/rpc/src/protocol/x.ts", '"protocol" may not import the folder "call"', 'import "../call/y.ts";'],
    [
      "packages/rpc/src/call/x.ts",
      '"call" may not import the folder "server"',
      'import type { Y } from "../server/y.ts";',
    ],
    ["packages/rpc/src/client/x.ts", '"client" may not import the folder "server"', 'import "../server/http/y.ts";'],
    [
      "packages/rpc/src/protocol/x.ts",
      '"protocol" may not import the folder "environment"',
      'import "../environment/y.ts";',
    ],
    ["packages/rpc/src/server/unary/x.ts", '"unary" may not import the folder "streams"', 'import "../streams/y.ts";'],
    ["packages/rpc/src/server/pipeline/x.ts", '"pipeline" may not import the folder ""', 'import "../serve.ts";'],
    ["packages/rpc/src/attic/x.ts", 'the folder "attic", which has no place', 'import "../call/y.ts";'],
  ])("reports %s that violates the folder order: %s", async (path, problem, source) => {
    const problems = await plant(path, source);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it("allows a folder to import from the folders below it", async () => {
    expect(await plant("packages/rpc/src/server/unary/x.ts", 'import "../pipeline/y.ts";')).toEqual([]);
    expect(await plant("packages/rpc/src/server/z.ts", 'import "../client/y.ts";')).toEqual([]);
  });

  it("reports a folder with too many files", async () => {
    for (let index = 0; index < 16; index++) {
      await plant(`packages/store/src/large/file-${index}.ts`, "");
      await plant(`packages/store/src/large/file-${index}.test.ts`, "");
    }
    expect(await plant("packages/store/src/x.ts", "")).toEqual([
      "packages/store/src/large: has 16 files besides tests; above 15, make a subfolder or list it with its reason",
    ]);
  });

  it("reports a service without a required file", async () => {
    await rm(join(tree, "packages/user/src/user-errors.ts"));
    expect(await plant("packages/user/src/x.ts", "")).toEqual([
      "packages/user/src/user-errors.ts: is missing: every service has it",
    ]);
  });

  it.each([
    [
      "packages/order/src/order-service.ts",
      "an edge uses the framework",
      'import { Code } from "@connectrpc/connect";',
    ],
    [
      "packages/order/src/order.ts",
      "a file of its own, and the foundations",
      'import { total } from "./money.ts";\nimport { sleep } from "@parley/rpc";',
    ],
    [
      "packages/order/src/order.ts",
      "mention imports in comments and strings",
      '// import "@connectrpc/connect"\n/* import "left-pad" */\nconst x = \'import "y"\';',
    ],
    [
      "packages/user/src/x.test.ts",
      "a test uses a package of the repository's root",
      'import { it } from "vitest";\nimport * as grpc from "@grpc/grpc-js";',
    ],
    [
      "packages/rpc/src/x.test.ts",
      "a test of the runtime uses any contract",
      'import "@parley/gen/order/v1/order_pb.js";',
    ],
    [
      "packages/user/src/x.ts",
      "Node's built-in modules",
      'import { readFile } from "node:fs";\nimport { join } from "path";',
    ],
    ["packages/user/src/x.ts", "as long as allowed", "\n".repeat(300)],
    [
      "test/simulation/x.ts",
      "what crosses packages imports services",
      'import { createUserModule } from "@parley/user";',
    ],
  ])("%s may: %s", async (path, _what, source) => {
    expect(await plant(path, source)).toEqual([]);
  });
});

it("reports exceptions that are no longer needed", () => {
  const file = { path: "packages/rpc/src/long.ts", lines: 400, imports: [] };
  expect(tooLong(file, { [file.path]: "one table" })).toEqual([]);
  expect(tooLong({ ...file, lines: 20 }, { [file.path]: "one table" })).toHaveLength(1);
});

it.each([
  ["import a, { b } from \"one\";\nimport * as c from 'two';", ["one", "two"]],
  ['export * from "one"; export { a as b } from "two";', ["one", "two"]],
  ['import "one";\nimport type { T } from "two";', ["one", "two"]],
  ['import {\n  a, // "not"\n} /* from "nor" */ from "one";', ["one"]],
  ["await import(`one`); require('two');", ["one", "two"]],
  ['const from = "x"; say("import \\"y\\" from \\"z\\"");', []],
  ['const pattern = /from "(\\.[^"]*)"/g; import("one");', ["one"]],
  ['import data from "./data.json" with { type: "json" };', ["./data.json"]],
])("reads the imports of %j", (source, imports) => {
  expect(importsOf(source)).toEqual(imports);
});
