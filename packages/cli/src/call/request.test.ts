import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { contractOf } from "../contract/contracts.ts";
import { parametersOf } from "../contract/parameters.ts";
import { type GivenValue, RequestError, requestOf, requestOfData } from "./request.ts";

const newId = () => "01890000-0000-7000-8000-000000000000";

function methodOf(service: string, method: string) {
  return contractOf(service).methods.find(({ name }) => name === method) ?? expect.fail(method);
}
function request(service: string, method: string, values: Readonly<Record<string, GivenValue["value"]>>) {
  const desc = methodOf(service, method);
  const given = parametersOf(desc)
    .filter(({ flag }) => flag in values)
    .map((parameter) => ({ parameter, value: values[parameter.flag] ?? null }));
  return toJson(desc.input, requestOf(desc, given, newId));
}

describe("a request from flags", () => {
  it("has a request id, so that it can be repeated", () => {
    const items = [{ productId: "101", quantity: "2" }];
    expect(request("order.v1.OrderService", "CreateOrder", { "user-id": "1", item: items })).toEqual({
      userId: "1",
      items: [{ productId: "101", quantity: 2 }],
      requestId: newId(),
    });
  });

  it("keeps a given request id", () => {
    expect(request("order.v1.OrderService", "CreateOrder", { "request-id": "mine" })).toEqual({ requestId: "mine" });
  });

  it("of an update has the given fields in its mask, including empty values, without id and etag", () => {
    const values = { id: "1", phone: "", name: "Al", etag: "v1" };
    expect(request("user.v1.UserService", "UpdateUser", values)).toEqual({
      user: { id: "1", name: "Al", etag: "v1" },
      updateMask: "name,phone",
      requestId: newId(),
    });
  });

  it("keeps a given mask", () => {
    const values = { id: "1", name: "Al", "update-mask": "phone" };
    expect(request("user.v1.UserService", "UpdateUser", values)).toMatchObject({ updateMask: "phone" });
  });
});

describe("a request from JSON", () => {
  const method = methodOf("order.v1.OrderService", "CreateOrder");

  it("is used unchanged", () => {
    expect(toJson(method.input, requestOfData(method, '{"userId":"1"}'))).toEqual({ userId: "1" });
  });

  it.each(["{", "[]", "3", '{"userid":1}', '{"userId":{}}', "@/no/such/file"])("%j is refused", (data) => {
    expect(() => requestOfData(method, data)).toThrow(RequestError);
  });
});
