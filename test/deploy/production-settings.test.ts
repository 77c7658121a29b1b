import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deployedServices } from "../../scripts/deploy/deployment.ts";
import { parameterOf, productionSettings } from "../../scripts/deploy/production-settings.ts";
import { root } from "../../scripts/run-command.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const guide = read("docs/running.md");
const services = await deployedServices(join(root, "gen/services.js"));

/** Settings of single services that the deployment files leave to `settings.env`, the ConfigMap and `SettingsFile`, or that are not for production. */
const leftOut: Readonly<Record<string, string>> = {
  SMTP_CONNECTIONS_MAX: "tuning",
  BUSY_CALLER_CONNECTIONS: "tuning",
  STACK_CONTROL_FILE: "set by parley up alone",
  "echo-b ECHO_B_SERVICE_URL": "its own address",
};

/** The rows of the table of settings that some services read: variable and services. */
function settingsOfSomeServices(): readonly (readonly [variable: string, services: readonly string[]])[] {
  const [, table = ""] = guide.split("| variable | service | meaning | default |");
  const rows = [...(table.split("\n\n")[0] ?? "").matchAll(/^\| (`[^|]+`) \| ([^|]+) \|/gm)];
  return rows.flatMap(([, variables = "", names = ""]) =>
    [...variables.matchAll(/`([A-Z0-9_]+)`/g)].map(
      ([, variable = ""]) => [variable, names.split(", ").map((name) => name.trim())] as const,
    ),
  );
}

const pascal = (name: string) => name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());

/** What each kind of deployment says about a service. */
const targets: Readonly<Record<string, (service: string) => string>> = {
  Compose: (service) =>
    read("compose.yaml")
      .split(`\n  ${service}:\n`)[1]
      ?.split(/\n {2}\S/)[0] ?? "",
  Kubernetes: (service) =>
    `${read(`deploy/kubernetes/base/${service}.yaml`)}${read("deploy/kubernetes/base/kustomization.yaml")}`,
  ECS: (service) =>
    read("deploy/ecs/parley.yaml")
      .split(`\n  ${pascal(service)}Task:\n`)[1]
      ?.split(/\n {2}\S/)[0] ?? "",
};

describe("the settings of production", () => {
  const rows = settingsOfSomeServices();

  it.each(rows)("%s can be set with Compose, Kubernetes and ECS", (variable, names) => {
    const isSet = new RegExp(`^ *(?:- .*\\b[nN]ame: ${variable}(?:[, ]|$)|- ${variable}=|${variable}: )`, "m");
    const missing = names
      .filter((service) => !(variable in leftOut) && !(`${service} ${variable}` in leftOut))
      .flatMap((service) =>
        Object.entries(targets).flatMap(([target, textOf]) =>
          isSet.test(textOf(service)) ? [] : [`${service} in ${target}`],
        ),
      );
    expect(missing).toEqual([]);
  });

  it("are known to the guide, and its table is read", () => {
    expect(rows.length).toBeGreaterThan(20);
    const known = new Set([...guide.matchAll(/`([A-Z][A-Z0-9_]+)`/g)].map(([, variable]) => variable));
    expect(productionSettings.filter(({ variable }) => !known.has(variable))).toEqual([]);
    const left = Object.keys(leftOut).map((key) => key.split(" ").at(-1));
    expect(left.filter((variable) => !rows.some(([row]) => row === variable))).toEqual([]);
    const names = services.map(({ name }) => name);
    expect(
      productionSettings.flatMap(({ services: some = [] }) => some).filter((name) => !names.includes(name)),
    ).toEqual([]);
  });

  it("are parameters of the ECS template and variables of compose.yaml, not constants", () => {
    const [compose, ecs] = [read("compose.yaml"), read("deploy/ecs/parley.yaml")];
    for (const setting of productionSettings) {
      expect(compose).toContain(`${setting.variable}: "\${${setting.variable}:-`);
      expect(ecs).toMatch(new RegExp(`^ {2}${parameterOf(setting)}:$`, "m"));
      expect(ecs).toContain(`!Ref ${parameterOf(setting)}`);
    }
  });
});
