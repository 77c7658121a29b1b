import { forwardedByHeader, systemEnvironment } from "@parley/rpc";
import { afterEach, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "./testing/fake-platform.ts";

let gateway: TestGateway | undefined;
afterEach(() => gateway?.server.close());

/** The headers that a service receives through the gateway. */
async function seenBehind(headers: Record<string, string>, options: Parameters<typeof openTestGateway>[0] = {}) {
  gateway = await openTestGateway(options);
  const answer = await gateway.fetch("/products/101", { headers });
  expect(answer.status).toBe(200);
  return gateway.platform.headers[0];
}

const identity = {
  name: "gateway",
  token: () => "a-token-with-rights",
  forwarderToken: (audience: string) => `forwarder-of-${audience}`,
};
const environment = { ...systemEnvironment({ name: "test", logLevel: "silent" }), identity };

test("the gateway does not send its own identity with a call of a caller without one", async () => {
  const seen = await seenBehind({}, { environment });
  expect(seen?.get("authorization")).toBeNull();
  expect(seen?.get("x-on-behalf-of")).toBeNull();
  expect(seen?.get(forwardedByHeader)).toBe("Bearer forwarder-of-product.v1.ProductService");
});

test("a caller's token is forwarded unchanged, and its other identity headers are removed", async () => {
  const claims = { "x-on-behalf-of": "Bearer somebody", [forwardedByHeader]: "Bearer made-up" };
  const seen = await seenBehind({ authorization: "Bearer callers-token", ...claims });
  expect(seen?.get("authorization")).toBe("Bearer callers-token");
  expect(seen?.get("x-on-behalf-of")).toBeNull();
  expect(seen?.get(forwardedByHeader)).toBeNull();
});
