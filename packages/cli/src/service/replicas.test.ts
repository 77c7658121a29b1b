import { expect, test } from "vitest";
import { parseReplicas, ReplicasError, serviceNameOf, withReplicas } from "./replicas.ts";
import { services } from "./service-registry.ts";

test("replica n listens on the port of its service + 100 × (n − 1), and follows it in the list", () => {
  const all = withReplicas(services, parseReplicas("order=3, product=1", services));
  const orders = all.filter((service) => serviceNameOf(service) === "order");
  expect(orders.map(({ name, port }) => [name, port])).toEqual([
    ["order", 50_053],
    ["order-2", 50_153],
    ["order-3", 50_253],
  ]);
  expect(all).toHaveLength(services.length + 2);
});

test.each([
  ["order", /"order" is not service=count/],
  ["orders=2", /no service "orders"/],
  ["order=0", /from 1 to 9/],
  ["order=10", /from 1 to 9/],
  ["", /is not service=count/],
])("--replicas %s is refused", (text, message) => {
  expect(() => parseReplicas(text, services)).toThrow(message);
  expect(() => parseReplicas(text, services)).toThrow(ReplicasError);
});
