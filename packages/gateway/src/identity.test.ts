import { forwardedByHeader, systemEnvironment } from "@parley/rpc";
import { afterEach, expect, test } from "vitest";
import { openTestDoor, type TestDoor } from "./testing/fake-platform.ts";

let door: TestDoor | undefined;
afterEach(() => door?.server.close());

/** The headers that a service sees of a call that came through the door. */
async function seenBehind(headers: Record<string, string>, options: Parameters<typeof openTestDoor>[0] = {}) {
  door = await openTestDoor(options);
  const answer = await door.fetch("/products/101", { headers });
  expect(answer.status).toBe(200);
  return door.platform.headers[0];
}

const identity = {
  name: "gateway",
  token: () => "a-token-with-rights",
  forwarderToken: (audience: string) => `forwarder-of-${audience}`,
};
const environment = { ...systemEnvironment({ name: "test", logLevel: "silent" }), identity };

test("a door with an identity does not lend it to who has none", async () => {
  const seen = await seenBehind({}, { environment });
  expect(seen?.get("authorization")).toBeNull();
  expect(seen?.get("x-on-behalf-of")).toBeNull();
  expect(seen?.get(forwardedByHeader)).toBe("Bearer forwarder-of-product.v1.ProductService");
});

test("a caller's token is handed on as it is, and nothing else of what the caller says of itself", async () => {
  const claims = { "x-on-behalf-of": "Bearer somebody", [forwardedByHeader]: "Bearer made-up" };
  const seen = await seenBehind({ authorization: "Bearer callers-token", ...claims });
  expect(seen?.get("authorization")).toBe("Bearer callers-token");
  expect(seen?.get("x-on-behalf-of")).toBeNull();
  expect(seen?.get(forwardedByHeader)).toBeNull();
});
