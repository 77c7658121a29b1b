import { describe, expect, it } from "vitest";
import { createHostCheck } from "./host-check.ts";

describe("the Host header of a request", () => {
  const check = createHostCheck({ allowedHosts: ["order-service", "Shop.Example"] });

  it.each([
    undefined,
    "localhost",
    "localhost:50053",
    "LOCALHOST:8080",
    "localhost.:8080",
    "shop.localhost",
    "127.0.0.1",
    "127.0.0.1:50053",
    "127.8.9.1:1",
    "[::1]:50053",
    "[::1]",
    "[::ffff:127.0.0.1]:1",
    "order-service:50053",
    "shop.example",
  ])("may be %s", (host) => {
    expect(check(host)).toBe(true);
    expect(check(host)).toBe(true);
  });

  it.each([
    "",
    "evil.example",
    "evil.example:50053",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.999",
    "notlocalhost",
    "10.0.0.7:50053",
    "[2001:db8::1]:50053",
    "order-service.evil.example",
    "0.0.0.0",
  ])("may not be %s", (host) => {
    expect(check(host)).toBe(false);
  });

  it("may be any IP address with allowAddresses, but no other name", () => {
    const open = createHostCheck({ allowedHosts: [], allowAddresses: true });
    expect(open("10.0.0.7:50053")).toBe(true);
    expect(open("[2001:db8::1]:50053")).toBe(true);
    expect(open("evil.example")).toBe(false);
  });

  it("may be any host with *", () => {
    expect(createHostCheck({ allowedHosts: ["*"] })("evil.example")).toBe(true);
  });
});
