import { describe, expect, it } from "vitest";
import { layOut, withBrokers } from "./map-layout.ts";

const service = (name: string, calls: readonly string[] = []) => ({ name, calls, database: true });
const services = [
  service("order", ["user", "product", "notification"]),
  service("user", ["notification"]),
  service("product", ["notification"]),
  service("notification"),
  service("echo-a"),
];
const using = (broker: string) => ["order", "user", "product", "notification"].map((process) => ({ process, broker }));

describe("a broker on the map", () => {
  it("is called by the processes that publish events, and calls the one that only consumes them", () => {
    const found = withBrokers(services, using("redis"));
    expect(found.find(({ name }) => name === "redis")?.calls).toEqual(["notification"]);
    expect(found.filter(({ calls }) => calls.includes("redis")).map(({ name }) => name)).toEqual([
      "order",
      "user",
      "product",
    ]);
    const { nodes } = layOut(found);
    const x = (name: string) => nodes.get(name)?.x ?? 0;
    expect([x("order") < x("redis"), x("product") < x("redis"), x("redis") < x("notification")]).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("does not exist if events are delivered by calls", () => {
    expect(withBrokers(services, using("direct"))).toBe(services);
    expect(withBrokers(services, [])).toBe(services);
  });
});
