import { readdirSync } from "node:fs";
import { isExposed, singular } from "@parley/contract";
import { describe, expect, it } from "vitest";
import { services } from "../service/service-registry.ts";
import { methodCommands, readContracts } from "./contracts.ts";
import { serviceGroups } from "./service-groups.ts";

const names = (group: string) =>
  methodCommands(serviceGroups.find(({ name }) => name === group) ?? expect.fail()).map(({ name }) => name);

describe("the commands of a service", () => {
  it.each([
    ["order", ["create", "get", "list", "cancel", "watch"]],
    ["product", ["create", "get", "batch-get", "list", "update", "delete"]],
    ["inventory", ["check", "update", "watch"]],
    [
      "user",
      [
        "create",
        "get",
        "batch-get",
        "list",
        "update",
        "delete",
        "login",
        "change-password",
        "revoke-sessions",
        "rotate-signing-key",
        "refresh-login",
        "logout",
      ],
    ],
    [
      "notification",
      ["list", "send-test", "watch", "list-failed", "redrive-failed", "list-dead-letters", "redrive-dead-letters"],
    ],
    ["echo", ["echo", "call"]],
  ])("%s: its methods without the common noun", (group, expected) => {
    expect(names(group)).toEqual(expected);
  });

  it("are unique within each group", () => {
    for (const group of serviceGroups) {
      const all = methodCommands(group).map(({ name }) => name);
      expect(new Set(all).size).toBe(all.length);
    }
  });

  it("cover every public method of the contracts", () => {
    // These packages have no commands of their own: the console calls the gateway's methods; `parley ps`, `calls` and others call the rest.
    const own = ["buf", "rpc", "gateway", "stack"];
    const packages = readdirSync(new URL("../../../../proto", import.meta.url)).filter((name) => !own.includes(name));
    const everyPublic = [...readContracts()]
      .filter((desc) => desc.kind === "service" && packages.includes(desc.typeName.split(".")[0] ?? ""))
      .flatMap((service) => (service.kind === "service" ? service.methods.filter(isExposed).map(String) : []));
    const offered = serviceGroups.flatMap((group) => methodCommands(group).map(({ method }) => String(method)));
    expect(offered.sort()).toEqual(everyPublic.sort());
  });

  it("belong to services that the stack starts", () => {
    const served = new Set(services.flatMap(({ contracts }) => contracts));
    for (const contract of serviceGroups.flatMap(({ contracts }) => contracts)) {
      expect(served).toContain(contract);
    }
  });
});

it.each([
  ["items", "item"],
  ["addresses", "address"],
  ["categories", "category"],
  ["boxes", "box"],
  ["address", "address"],
  ["stock", "stock"],
])("the singular of %s is %s", (plural, expected) => {
  expect(singular(plural)).toBe(expected);
});
