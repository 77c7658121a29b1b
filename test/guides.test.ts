// The guides list every reason and every setting. What the code has and a guide does not is found here.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { services } from "@parley/cli";
import { publicProcesses } from "@parley/gen/services.js";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const errorsGuide = readFileSync(join(root, "docs/errors.md"), "utf8");
const runningGuide = readFileSync(join(root, "docs/running.md"), "utf8");

const errorFiles = [...new Set(services.map(({ main }) => basename(join(main, "../.."))))]
  .map((name) => `packages/${name}/src/${name}-errors.ts`)
  .filter((file) => existsSync(join(root, file)));

it("finds the services' reasons", () => expect(errorFiles.length).toBeGreaterThanOrEqual(4));

it.each(errorFiles)("docs/errors.md has every reason of %s", (name) => {
  const file = join(root, name);
  const reasons = quotedReasons(readFileSync(file, "utf8"));
  expect(reasons.length).toBeGreaterThan(0);
  expect(reasons.filter((reason) => !errorsGuide.includes(`\`${reason}\``))).toEqual([]);
});

it("docs/errors.md has every reason of the runtime", () => {
  const reasons = sourcesBelow("packages/rpc/src").flatMap((source) =>
    [...source.matchAll(/\b[Rr]eason: "([A-Z_]+)"/g)].map((match) => match[1] ?? ""),
  );
  expect(reasons).toContain("OVERLOADED");
  expect(reasons.filter((reason) => !errorsGuide.includes(`\`${reason}\``))).toEqual([]);
});

it("docs/errors.md has every reason of REST", () => {
  const [, union = ""] = /type ProblemReason =([^;]*);/.exec(sourcesBelow("packages/rest/src").join("\n")) ?? [];
  const reasons = quotedReasons(union);
  expect(reasons).toContain("UNKNOWN_FIELD");
  expect(reasons.filter((reason) => !errorsGuide.includes(`\`${reason}\``))).toEqual([]);
});

it("docs/running.md has every setting of every service", () => {
  const shared = [
    "packages/rpc/src/server/config/settings.ts",
    "packages/rpc/src/server/config/limit-settings.ts",
    "packages/events/src/service-broker.ts",
  ];
  const settings = [...shared.map((file) => join(root, file)), ...services.map(({ main }) => main)]
    .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/^ {2}([A-Z][A-Z_]+): /gm)])
    .map((match) => match[1] ?? "");
  expect(settings).toContain("SHUTDOWN_GRACE_MS");
  expect([...new Set(settings)].filter((setting) => !runningGuide.includes(`\`${setting}\``))).toEqual([]);
});

it("docs/running.md has the variable that says where each process behind the gateway is", () => {
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

function sourcesBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /(?<!\.test)\.ts$/.test(entry.name) && !entry.parentPath.includes("testing"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}
