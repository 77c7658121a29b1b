import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { declarationsOf, publishedConfig } from "./declarations.ts";
import { runIn } from "./run-in.ts";

const root = join(import.meta.dirname, "../..");
const guide = readFileSync(join(root, "docs/other-languages.md"), "utf8");
const buf = join(root, "node_modules/.bin/buf");

test.each(["go/buf.gen.yaml", "go/main.go", "python/shop.py", "java/pom.xml", "java/src/main/java/Shop.java"])(
  "docs/other-languages.md shows the tested recipe of %s",
  (file) => {
    expect(guide).toContain(`\n${readFileSync(join(root, "test/languages", file), "utf8")}\`\`\``);
  },
);

test("the declarations of standard/ have the names, numbers and types of the published packages", () => {
  const published = declarationsOf(publishedConfig, ["google", "grpc", "health"]);
  const own = declarationsOf({ version: "v2", modules: [{ path: "standard" }] }, []);
  expect(own.length).toBeGreaterThan(100);
  // No package of this repository publishes the messages of OTLP.
  const comparable = own.filter((line) => !line.startsWith("opentelemetry."));
  expect(comparable.filter((line) => !published.includes(line))).toEqual([]);
});

describe("in a clone without installed packages", () => {
  let clone: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: clone,
      stdio: "pipe",
    });

  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), "parley-clone-"));
    for (const name of ["proto", "standard", "buf.yaml"]) {
      cpSync(join(root, name), join(clone, name), { recursive: true });
    }
    git("init", "--quiet", "--initial-branch", "main");
    git("add", ".");
    git("commit", "--quiet", "--message", "contracts");
  });
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  const run = (...args: string[]) => runIn(clone, { command: [buf, ...args] });

  test("buf lint passes, and finds a planted violation", async () => {
    expect(await run("lint")).toEqual({ code: 0, output: "" });
    writeFileSync(
      join(clone, "proto/order/v1/planted.proto"),
      'syntax = "proto3";\npackage order.v1;\nmessage bad_name {}\n',
    );
    const { code, output } = await run("lint");
    rmSync(join(clone, "proto/order/v1/planted.proto"));
    expect([code, output]).toEqual([100, expect.stringContaining("bad_name")]);
  });

  test("buf breaking --against '.git#branch=main' passes, and finds a removed field", async () => {
    expect(await run("breaking", "--against", ".git#branch=main")).toEqual({ code: 0, output: "" });
    const file = join(clone, "proto/order/v1/order.proto");
    const contract = readFileSync(file, "utf8");
    writeFileSync(file, contract.replace(/^ {2}string user_name = 3[^;]*;\n/m, ""));
    const { code, output } = await run("breaking", "--against", ".git#branch=main");
    writeFileSync(file, contract);
    expect([code, output]).toEqual([100, expect.stringContaining('"user_name"')]);
  });

  test("buf export writes the contracts with all their imports", async () => {
    expect((await run("export", "proto", "-o", "contracts")).code).toBe(0);
    const exported = globSync("**/*.proto", { cwd: join(clone, "contracts") });
    expect(exported).toEqual(expect.arrayContaining(["google/api/http.proto", "buf/validate/validate.proto"]));
    expect((await run("build", "contracts")).code).toBe(0);
  });
});

describe("protovalidate's file in the contracts", () => {
  test("has the Go and Java packages of the published file, to which generated code then refers", () => {
    const file = readFileSync(join(root, "proto/buf/validate/validate.proto"), "utf8");
    expect(file).toContain(
      'option go_package = "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate";',
    );
    expect(file).toContain('option java_package = "build.buf.validate";');
  });
});
