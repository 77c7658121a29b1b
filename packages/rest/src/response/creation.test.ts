import { create, type DescMessage } from "@bufbuild/protobuf";
import { methodBindings } from "@parley/contract";
import { libraryService, methodWithRule } from "@parley/contract/testing";
import { expect, test } from "vitest";
import { testLibrary } from "../testing/library.ts";
import { creationOf } from "./creation.ts";

const all = () => true;
const { methods } = libraryService();

test.each([
  ["POST /v1/shelves/1/books", "CreateBook", { name: "shelves/1/books/a b" }, "/v1/shelves/1/books/a%20b", undefined],
  ["POST /v1/members", "CreateMember", { member: { id: "7/8" } }, "/v1/members/7%2F8", undefined],
  [
    "POST /v1/members",
    "CreateMember",
    { member: { id: "7", etag: "v1", revision: "v1.9" } },
    "/v1/members/7",
    '"v1.9"',
  ],
  ["POST /v1/members", "CreateMember", {}, undefined, undefined],
])("%s of %s answers 201 with the resource's URL and ETag", async (request, name, fields, location, etag) => {
  const output = (methods.find((method) => method.name === name) ?? expect.fail()).output as DescMessage;
  const response = await testLibrary(() => create(output, fields as never)).ask(request, { body: "{}" });
  expect([response.status, response.headers.location, response.headers.etag]).toEqual([201, location, etag]);
});

test("every standard Create method is a creation, and no other method", () => {
  const creations = methods.filter((method) => methodBindings(method).some((each) => creationOf(each, all)));
  expect(creations.map(({ name }) => name)).toEqual(["CreateBook", "CreateMember"]);
});

test.each([
  ["another HTTP method", { pattern: { case: "put", value: "/v1/members" }, body: "member" }],
  ["a custom verb", { pattern: { case: "post", value: "/v1/members:import" }, body: "member" }],
  ["no body", { pattern: { case: "post", value: "/v1/members" } }],
  [
    "a part of the response",
    { pattern: { case: "post", value: "/v1/members" }, body: "member", responseBody: "member" },
  ],
] as const)("a Create method with %s is no creation", (_what, rule) => {
  const method = methodWithRule("CreateMember", rule);
  expect(methodBindings(method).map((binding) => creationOf(binding, all))).toEqual([undefined]);
});

test("a resource that is not served has no URL", async () => {
  const method = methods.find(({ name }) => name === "CreateMember") ?? expect.fail();
  const [binding = expect.fail()] = methodBindings(method);
  expect(creationOf(binding, ({ name }) => name !== "GetMember")?.places).toEqual([]);
  expect(creationOf(binding, all)?.places).toHaveLength(1);
});
