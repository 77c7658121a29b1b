import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNames, readServiceNamePattern } from "./certificate-identity.ts";

describe("a pattern of certificate names", () => {
  it.each([
    ["spiffe://shop.example/ns/prod/sa/{service}", "URI:spiffe://shop.example/ns/prod/sa/order", "order"],
    ["spiffe://shop.example/ns/prod/sa/{service}", "URI:spiffe://evil.example/ns/prod/sa/order", undefined],
    ["spiffe://shop.example/ns/prod/sa/{service}", "URI:spiffe://shopxexample/ns/prod/sa/order", undefined],
    ["spiffe://shop.example/ns/prod/sa/{service}", "URI:spiffe://shop.example/ns/prod/sa/order/more", undefined],
    ["spiffe://shop.example/ns/prod/sa/{service}", "DNS:spiffe://shop.example/ns/prod/sa/order", undefined],
    ["{service}.shop.svc", "DNS:echo-a.shop.svc", "echo-a"],
    ["{service}.shop.svc", "DNS:a.b.shop.svc", undefined],
    ["{service}.shop.svc", "DNS:*.shop.svc", undefined],
    ["{service}.shop.svc", "URI:order.shop.svc", undefined],
    ["{service}", "DNS:order", "order"],
  ])("%s, with %s, is %s", (pattern, name, service) => {
    expect(readServiceNamePattern(pattern)(["DNS:other.example", name])).toBe(service);
  });

  it("names no service if a certificate has the names of two", () => {
    expect(readServiceNamePattern("{service}.svc")(["DNS:order.svc", "DNS:product.svc"])).toBeUndefined();
  });

  it.each(["", "order", "{service}.{service}", "spiffe://{service}", "spiffe:{service}", "https://x/{service}"])(
    "cannot be %j",
    (pattern) => {
      expect(() => readServiceNamePattern(pattern)).toThrow(/^must /);
    },
  );
});

describe("the names of a certificate, as Node writes them,", () => {
  it("are separated even if one contains text like another", () => {
    expect(parseNames('DNS:a.example, URI:spiffe://x/y, IP Address:127.0.0.1, DNS:"b, DNS:order.svc"')).toEqual([
      "DNS:a.example",
      "URI:spiffe://x/y",
      "IP Address:127.0.0.1",
      'DNS:"b, DNS:order.svc"',
    ]);
  });

  it("are never parts of a quoted one, whatever it contains", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const quoted = `URI:${JSON.stringify(`${text}, DNS:order.svc, ${text}`)}`;
        return readServiceNamePattern("{service}.svc")(parseNames(`${quoted}, DNS:other`)) === undefined;
      }),
    );
  });

  it("are none if they cannot be parsed", () => {
    expect(parseNames('DNS:order.svc, "')).toEqual([]);
    expect(parseNames("")).toEqual([]);
  });
});
