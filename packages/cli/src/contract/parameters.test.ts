import { describe, expect, it } from "vitest";
import { contractOf } from "./contracts.ts";
import { type Parameter, parametersOf } from "./parameters.ts";

function parameters(service: string, method: string): readonly Parameter[] {
  return parametersOf(contractOf(service).methods.find(({ name }) => name === method) ?? expect.fail(method));
}
const brief = (all: readonly Parameter[]) =>
  all.map(({ flag, kind, required, positional }) =>
    [flag, kind, ...(required ? ["required"] : []), ...(positional ? ["positional"] : [])].join(" "),
  );

describe("the parameters of a command", () => {
  it("are the request's fields, and the rules decide which are required", () => {
    const all = parameters("order.v1.OrderService", "CreateOrder");
    expect(brief(all)).toEqual([
      "user-id value",
      "item pairs",
      "request-id value",
      "product-id value",
      "quantity value",
      "guest-email value",
    ]);
    expect(all[0]?.alias).toBe("user");
    expect(all[2]).toMatchObject({ generated: true });
    expect(all[2]).not.toHaveProperty("alias");
  });

  it("have positional arguments for fields in the REST path", () => {
    expect(brief(parameters("order.v1.OrderService", "CancelOrder"))).toEqual([
      "order-id value required positional",
      "reason value",
      "etag value",
    ]);
    expect(brief(parameters("product.v1.InventoryService", "UpdateStock"))[0]).toBe(
      "product-id value required positional",
    );
  });

  it("have a positional argument for an only field", () => {
    expect(brief(parameters("echo.v1.CallEchoService", "CallEcho"))).toEqual(["message value positional"]);
    expect(brief(parameters("user.v1.UserService", "BatchGetUsers"))).toEqual(["user-id list required positional"]);
    expect(brief(parameters("user.v1.UserService", "Login")).join()).not.toContain("positional");
  });

  it("of an update are the fields of its mask, without the name of the message around them", () => {
    expect(brief(parameters("product.v1.ProductService", "UpdateProduct"))).toEqual([
      "id value required positional",
      "name value",
      "description value",
      "price value",
      "low-stock-threshold value",
      "etag value",
      "update-mask mask",
      "request-id value",
    ]);
  });

  it("of a nested message have dots", () => {
    // No contract has one outside the body of a REST call: UpdateUser without its REST rule has.
    const update = contractOf("user.v1.UserService").methods.find(({ name }) => name === "UpdateUser") ?? expect.fail();
    const validate = contractOf("user.v1.UserService").methods.find(({ name }) => name === "ValidateUser");
    const withoutRest = { ...update, proto: { ...update.proto, options: validate?.proto.options } } as typeof update;
    expect(parametersOf(withoutRest).map(({ flag }) => flag)).toContain("user.name");
  });
});
