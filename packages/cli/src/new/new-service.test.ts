// The refusals, which change nothing. test/new-service tests the generated service in a clone of the repository.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { UsageError } from "../outcome/usage-error.ts";
import { withWorkspace } from "./lock-file.ts";
import { namesOf } from "./names.ts";
import { newMethod } from "./new-method.ts";
import { newService, refuseExistingNames } from "./new-service.ts";
import { filledIn } from "./templates.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const repository = { root: fileURLToPath(new URL("../../../..", import.meta.url)), version: "0.1.0" };
const commands = ["up", "order", "inventory", "new"];

describe("parley new service refuses", () => {
  it.each([
    ["order", "packages/order exists"],
    ["store", "packages/store exists"],
    ["health", "standard/health exists"],
    ["buf", "proto/buf exists"],
    ["inventory", '"parley inventory" is a command'],
    ["up", '"parley up" is a command'],
    ["reservation", "proto/product/v1/reservation.proto declares Reservation"],
    ["trace", "the gateway has a page at /traces"],
    ["transaction", "declares transaction itself"],
    ["row", "declares row itself"],
    ["value", "declares values itself"],
    ["reader", "declares reader itself"],
  ])("the name %s, since %s", async (name, reason) => {
    const made = newService(name, { folder, commands });
    await expect(made).rejects.toThrow(UsageError);
    await expect(made).rejects.toThrow(reason);
  });

  it.each(['"/gift-cards"', '"/gift-cards/{id}"', '"/gift-cards:watch"'])(
    "a name whose REST path is taken by %s",
    (path) => {
      const contracts = new Map([["proto/shop/v1/shop.proto", `post: ${path}`]]);
      const refuse = () => refuseExistingNames(namesOf("gift-card"), { repository, commands, contracts });
      expect(refuse).toThrow("proto/shop/v1/shop.proto has the REST path /gift-cards");
    },
  );

  it("no name for a path that only begins like it", () => {
    const contracts = new Map([["proto/shop/v1/shop.proto", 'post: "/gift-cards-sold"']]);
    refuseExistingNames(namesOf("gift-card"), { repository, commands, contracts });
  });

  it("a folder outside of a clone", async () => {
    const made = newService("review", { folder: tmpdir(), commands });
    await expect(made).rejects.toThrow("is not inside one. Change into your clone");
  });
});

describe("parley new method refuses", () => {
  it.each([
    ["nope", "DoIt", "There is no proto/nope/v1/nope_service.proto. Services: echo, event,"],
    ["order", "doIt", "not in PascalCase"],
    ["order", "", "not in PascalCase"],
    ["order", "Do-It", "not in PascalCase"],
    ["order", "A".repeat(61), "more than 60 characters"],
    ["order", "CreateOrder", "has a method CreateOrder already"],
    ["order", "GetProduct", "proto/product/v1/product_service.proto has a method GetProduct already"],
    ["order", "ShipOrder", 'packages/order/src/order-service.ts has no "existingOrder("'],
  ])("%s %s: %s", async (service, method, reason) => {
    const made = newMethod(service, method, { folder });
    await expect(made).rejects.toThrow(UsageError);
    await expect(made).rejects.toThrow(reason);
  });
});

it("adds a workspace to the lock file where npm itself would put it", () => {
  const text = readFileSync(new URL("../../../../package-lock.json", import.meta.url), "utf8");
  const { packages, ...rest } = JSON.parse(text);
  const { "packages/order": order, "node_modules/@parley/order": _link, ...without } = packages;
  expect(withWorkspace(JSON.stringify({ ...rest, packages: without }), order)).toBe(text);
});

it("leaves no placeholder of a template without a value", () => {
  expect(filledIn("/{{names}}/{{{field}}_id}", { names: "gift-cards", field: "gift_card" })).toBe(
    "/gift-cards/{gift_card_id}",
  );
  expect(() => filledIn("{{nmae}}", {})).toThrow("{{nmae}}, which has no value");
});
