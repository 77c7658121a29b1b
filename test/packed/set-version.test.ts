// set-version updates every place with a version, and `npm run check` finds a place that it missed.
import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/run-command.ts";

const copied = [
  "package.json",
  "package-lock.json",
  "CHANGELOG.md",
  "gen/package.json",
  "packages/*/package.json",
  "packages/*/README.md",
  "packages/rpc/src/client/service-client.ts",
  "packages/rpc/src/client/wire/wire-transport.ts",
  "scripts/**/*.ts",
];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "parley-version-"));
  for (const path of globSync(copied, { cwd: root })) {
    cpSync(join(root, path), join(folder, path));
  }
  execFileSync(process.execPath, ["scripts/set-version.ts", "7.8.9"], { cwd: folder });
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (path: string) => readFileSync(join(folder, path), "utf8");

test("set-version leaves no older version behind", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const lock = JSON.parse(read("package-lock.json"));
  expect([lock.version, lock.packages[""].version, lock.packages["packages/rpc"].version]).toEqual(
    Array(3).fill("7.8.9"),
  );
  expect(lock.packages["packages/rpc"].dependencies["@parley/http2"]).toBe("7.8.9");
  expect(read("packages/rpc/src/client/service-client.ts")).toContain('"parley-rpc/7.8"');
  expect(read("packages/rpc/README.md")).toContain("parley-rpc-7.8.9.tgz");
  expect(read("CHANGELOG.md")).toMatch(/^## \[7\.8\.9\] - \d{4}-\d\d-\d\d$/m);
  for (const path of globSync(["packages/*/package.json", "packages/*/README.md"], { cwd: folder })) {
    const text = read(path);
    expect(text, path).not.toMatch(
      new RegExp(`(version": "|@parley/[\\w-]+": "|parley-\\w+-)${RegExp.escape(version)}`),
    );
  }
});

test("the check passes afterwards, and finds a package and a dependency with an old version", () => {
  expect(check()).toEqual({ passed: true, output: "" });
  const rest = JSON.parse(read("packages/rest/package.json"));
  rest.version = "7.8.8";
  rest.dependencies["@parley/contract"] = "7.8.7";
  writeFileSync(join(folder, "packages/rest/package.json"), JSON.stringify(rest));
  expect(check().output.split("\n")).toEqual([
    "packages/rest/package.json has version 7.8.8; the version is 7.8.9",
    "packages/rest/package.json depends on @parley/contract 7.8.7; the version is 7.8.9",
  ]);
});

function check(): { readonly passed: boolean; readonly output: string } {
  const script = `const { versions } = await import("./scripts/checks/versions.ts"); console.log(JSON.stringify(await versions()))`;
  return JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: folder, encoding: "utf8" }),
  );
}
