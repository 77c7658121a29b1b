import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../environment/clock.ts";
import { type DnsServer, dnsServer } from "./dns-fixture.ts";
import { resolveHost, resolveService } from "./name-resolver.ts";
import { candidateNames, parseSearchDomains } from "./search-domains.ts";
import { parseTarget } from "./target.ts";

let dns: DnsServer;
let folder: string;
let resolvConfFile: string;

beforeAll(async () => {
  dns = await dnsServer();
  folder = mkdtempSync(join(tmpdir(), "parley-dns-"));
  resolvConfFile = join(folder, "resolv.conf");
  writeFileSync(resolvConfFile, "nameserver 127.0.0.1\nsearch shop.svc.test svc.test\noptions ndots:2 timeout:1\n");
});
afterAll(async () => {
  await dns.close();
  rmSync(folder, { recursive: true });
});

function host(name: string) {
  return resolveHost({ host: name, port: 7 }, systemClock, { servers: [dns.address], resolvConfFile });
}

describe("a name in DNS", () => {
  it("is all its addresses, of both families, for as long as the shortest TTL", async () => {
    dns.set("both.test.example", { a: ["10.0.0.1", "10.0.0.2"], ttl: 30 });
    expect(await host("both.test.example")).toEqual({
      endpoints: [
        { host: "10.0.0.1", port: 7 },
        { host: "10.0.0.2", port: 7 },
      ],
      ttlMs: 30_000,
    });
    dns.set("six.test.example", {
      a: ["10.0.0.1"],
      aaaa: ["fd00:0000:0000:0000:0000:0000:0000:0001"],
      ttl: 5,
    });
    const { endpoints, ttlMs } = await host("six.test.example");
    expect([endpoints.map((endpoint) => endpoint.host).sort(), ttlMs]).toEqual([["10.0.0.1", "fd00::1"], 5000]);
  });

  it("with few dots is looked up in the search domains first, one with many dots unchanged first", async () => {
    dns.set("order.shop.svc.test", { a: ["10.0.1.1"] });
    dns.set("order.svc.test", { a: ["10.0.1.2"] });
    expect((await host("order")).endpoints).toEqual([{ host: "10.0.1.1", port: 7 }]);
    dns.set("a.b.c", { a: ["10.0.1.3"] });
    dns.asked.length = 0;
    expect((await host("a.b.c")).endpoints).toEqual([{ host: "10.0.1.3", port: 7 }]);
    expect([...new Set(dns.asked)]).toEqual(["a.b.c"]);
    dns.asked.length = 0;
    await expect(host("order.shop.svc.test.")).resolves.toMatchObject({ endpoints: [{ host: "10.0.1.1" }] });
    await expect(host("gone.test.example")).rejects.toThrow("ENOTFOUND");
    expect(dns.asked).toContain("gone.test.example.shop.svc.test");
  });

  it("that is an address, or localhost, is not sent to a DNS server", async () => {
    dns.asked.length = 0;
    expect((await host("10.1.2.3")).endpoints).toEqual([{ host: "10.1.2.3", port: 7 }]);
    const addresses = (await host("localhost")).endpoints.map((endpoint) => endpoint.host);
    expect(addresses.every((address) => address === "127.0.0.1" || address === "::1")).toBe(true);
    expect(dns.asked).toEqual([]);
  });

  it("with thousands of addresses is limited to some of them", async () => {
    // As many as fit into one datagram.
    dns.set("many.test.example", { a: Array.from({ length: 200 }, (_, index) => `10.2.0.${index}`) });
    expect((await host("many.test.example")).endpoints.length).toBe(100);
  });

  it("is looked up with getaddrinfo(3), which reads the hosts file, if DNS fails", async () => {
    const asked: string[] = [];
    const options = {
      servers: [dns.address],
      resolvConfFile,
      fallback: async (name: string) => {
        asked.push(name);
        return [{ address: "10.9.9.9", family: 4 }];
      },
    };
    const { endpoints, ttlMs } = await resolveHost({ host: "printer", port: 7 }, systemClock, options);
    expect([endpoints, ttlMs]).toEqual([[{ host: "10.9.9.9", port: 7 }], Number.POSITIVE_INFINITY]);
    expect(asked).toEqual(["printer"]);
  });
});

describe("a service in DNS", () => {
  const service = (name: string) => resolveService(name, systemClock, { servers: [dns.address], resolvConfFile });

  it("is the addresses and ports of its SRV records of the lowest priority that resolves", async () => {
    dns.set("one.test.example", { a: ["10.3.0.1"], ttl: 9 });
    dns.set("two.test.example", { a: ["10.3.0.2"], ttl: 20 });
    dns.set("_grpc._tcp.order.test.example", {
      srv: [
        { priority: 0, port: 1, target: "nowhere.test.example" },
        { priority: 1, port: 50_053, target: "one.test.example" },
        { priority: 1, port: 50_153, target: "two.test.example" },
        { priority: 2, port: 9, target: "one.test.example" },
      ],
    });
    const { endpoints, ttlMs } = await service("_grpc._tcp.order.test.example");
    expect([...endpoints].sort((one, other) => one.port - other.port)).toEqual([
      { host: "10.3.0.1", port: 50_053 },
      { host: "10.3.0.2", port: 50_153 },
    ]);
    expect(ttlMs).toBe(9000);
  });

  it("that does not exist is reported", async () => {
    await expect(service("_grpc._tcp.nothing.test.example")).rejects.toThrow("ENOTFOUND");
  });
});

describe("resolv.conf", () => {
  it.each([
    ["", { domains: [], ndots: 1 }],
    ["search a b.\nsearch c d # the last one\n", { domains: ["c", "d"], ndots: 1 }],
    ["domain only.example\noptions timeout:2 ndots:5", { domains: ["only.example"], ndots: 5 }],
    ["options ndots:99", { domains: [], ndots: 15 }],
    ["options ndots:x\n;search commented", { domains: [], ndots: 1 }],
  ])("%j", (text, expected) => {
    expect(parseSearchDomains(text)).toEqual(expected);
  });

  it("gives the names to try in the C library's order", () => {
    const search = { domains: ["x", "y"], ndots: 2 };
    expect(candidateNames("a", search)).toEqual(["a.x", "a.y", "a"]);
    expect(candidateNames("a.b", search)).toEqual(["a.b.x", "a.b.y", "a.b"]);
    expect(candidateNames("a.b.c", search)).toEqual(["a.b.c", "a.b.c.x", "a.b.c.y"]);
    expect(candidateNames("a.", search)).toEqual(["a"]);
  });
});

describe("a target", () => {
  it.each([
    ["user-service:50051", { scheme: "http", authority: "user-service:50051", isSeveral: false, isDynamic: false }],
    ["[::1]:50051", { scheme: "http", authority: "[::1]:50051", isSeveral: false }],
    ["a:1,b:2", { scheme: "http", authority: "a:1", isSeveral: true, isDynamic: false }],
    ["https://a:1, https://b:2", { scheme: "https", isSeveral: true }],
    ["dns:///order:50053", { scheme: "http", authority: "order:50053", isSeveral: true, isDynamic: true }],
    ["dns+https:///order:50053", { scheme: "https", hostname: "order", isDynamic: true }],
    ["dns://10.0.0.2:53/order:50053", { authority: "order:50053", isDynamic: true }],
    ["dns:///10.0.0.1:1", { isDynamic: false }],
    ["srv:///_grpc._tcp.order.shop", { scheme: "http", authority: "order.shop", isSeveral: true, isDynamic: true }],
    ["srv+https:///order.shop", { scheme: "https", hostname: "order.shop" }],
  ])("%s", (name, expected) => {
    expect(parseTarget(name)).toMatchObject(expected);
  });
});
