// The guides must list every reason and every setting in the code.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "@parley/cli";
import { publicProcesses } from "@parley/gen/services.js";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const errorsGuide = readFileSync(join(root, "docs/errors.md"), "utf8");
const runningGuide = readFileSync(join(root, "docs/running.md"), "utf8");

const errorFiles = [...new Set(services.map(({ main }) => basename(join(main, "../.."))))]
  .map((name) => `packages/${name}/src/${name}-errors.ts`)
  .filter((file) => existsSync(join(root, file)));

describe("docs/errors.md", () => {
  const sections = [...errorsGuide.matchAll(/^### (.+)$/gm)].map(([, title = ""]) => title);
  const sources = sourcesBelow(readdirSync(join(root, "packages")).map((name) => `packages/${name}/src`)).join("\n");
  const errorSources = errorFiles.map((name) => readFileSync(join(root, name), "utf8"));

  it("has a section for every reason in the code", () => {
    const [, problems = ""] = /type ProblemReason =([^;]*);/.exec(sources) ?? [];
    const given = new Set([
      ...[...sources.matchAll(/\b\w*[Rr]eason(?::| =) "([A-Z][A-Z_0-9]+)"/g)].map(([, reason = ""]) => reason),
      ...[...sources.matchAll(/\bunauthenticated\(\s*"([A-Z_]+)"/g)].map(([, reason = ""]) => reason),
      ...[...sources.matchAll(/ dependencyUnavailable = "([A-Z_]+)"/g)].map(([, reason = ""]) => reason),
      ...quotedReasons(problems),
      ...errorSources.flatMap(quotedReasons),
    ]);
    for (const one of [
      "OVERLOADED",
      "UNKNOWN_FIELD",
      "RATE_LIMITED",
      "TOKEN_MISSING",
      "USER_NOT_FOUND",
      "DEADLINE_EXCEEDED",
    ]) {
      expect(given).toContain(one);
    }
    expect([...given].filter((reason) => !sections.includes(reason))).toEqual([]);
  });

  it("has no section for a reason that is not in the code", () => {
    const reasons = sections.filter((title) => /^[A-Z0-9_]+$/.test(title));
    expect(reasons.length).toBeGreaterThan(50);
    expect(new Set(reasons).size).toBe(reasons.length);
    expect(reasons.filter((reason) => !sources.includes(`"${reason}"`))).toEqual([]);
  });
});

it("docs/running.md has every setting of every service", () => {
  const shared = [
    "packages/rpc/src/server/config/settings.ts",
    "packages/rpc/src/server/config/limit-settings.ts",
    "packages/events/src/service-broker.ts",
  ];
  const settings = [...shared.map((file) => join(root, file)), ...services.map(({ main }) => main)]
    .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)])
    .map((match) => match[1] ?? "");
  expect(settings).toContain("SHUTDOWN_GRACE_MS");
  expect([...new Set(settings)].filter((setting) => !runningGuide.includes(`\`${setting}\``))).toEqual([]);
});

it("docs/running.md has the variable with the address of each process behind the gateway", () => {
  const variables = publicProcesses.map(({ urlVariable }) => urlVariable);
  expect(variables).toContain("ORDER_SERVICE_URL");
  expect(variables.filter((variable) => !runningGuide.includes(`\`${variable}\``))).toEqual([]);
});

it("docs/running.md has every service with its port and contracts", () => {
  for (const { name, port, contracts } of services) {
    const listed = contracts.map((contract) => (contract.includes(" ") ? contract : `\`${contract}\``)).join(", ");
    expect(runningGuide).toContain(`| ${name} | ${port} | ${listed} |`);
  }
});

function quotedReasons(source: string): readonly string[] {
  return [...source.matchAll(/"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"/g)].map((match) => match[1] ?? "");
}

/** The TypeScript files below some folders, without tests and fixtures. */
function sourcesBelow(folders: readonly string[]): readonly string[] {
  return folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter(
      (entry) =>
        entry.isFile() &&
        /(?<!\.test)\.ts$/.test(entry.name) &&
        !/testing|fixture/.test(`${entry.parentPath}/${entry.name}`),
    )
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
