import { parsePathTemplate } from "@parley/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RouteConflictError, RouteTable } from "./route-table.ts";

function tableOf(...routes: readonly string[]): RouteTable<string> {
  const table = new RouteTable<string>(String);
  for (const route of routes) {
    const [method = "", source = ""] = route.split(" ");
    table.add(method, parsePathTemplate(source), route);
  }
  return table;
}

function find(table: RouteTable<string>, request: string): string {
  const [method = "", path = ""] = request.split(" ");
  const match = table.match(method, path);
  return match.kind === "found" ? match.value : match.kind === "none" ? "none" : `allow ${match.allow.join(",")}`;
}

const api = tableOf(
  "GET /orders",
  "POST /orders",
  "GET /orders:watch",
  "GET /orders/{id}",
  "POST /orders/{id}:cancel",
  "GET /orders/me",
  "POST /orders/bulk",
  "GET /users/{user_id}/orders",
  "GET /files/{path=**}",
  "GET /files/{path=public/**}",
  "GET /files/index",
  "POST /files/{path=**}:touch",
  "GET /a/*/c",
  "GET /a/b/*",
  "GET /x/*/y/z",
  "GET /x/w/*/q",
  "* /any/{x}",
  "DELETE /any/{x}",
  "GET /caf%C3%A9/a%2Fb",
);

describe("the most specific template wins", () => {
  test.each([
    ["GET /orders", "GET /orders"],
    ["POST /orders", "POST /orders"],
    ["GET /orders:watch", "GET /orders:watch"],
    ["GET /orders/17", "GET /orders/{id}"],
    ["GET /orders/me", "GET /orders/me"],
    ["POST /orders/17:cancel", "POST /orders/{id}:cancel"],
    ["GET /users/1/orders", "GET /users/{user_id}/orders"],
    ["GET /files", "GET /files/{path=**}"],
    ["GET /files/", "GET /files/{path=**}"],
    ["GET /files/a/b/c", "GET /files/{path=**}"],
    ["GET /files/public", "GET /files/{path=public/**}"],
    ["GET /files/public/a", "GET /files/{path=public/**}"],
    ["GET /files/index", "GET /files/index"],
    ["POST /files/a/b:touch", "POST /files/{path=**}:touch"],
    ["GET /files/a:b", "GET /files/{path=**}"],
    ["GET /a/b/c", "GET /a/b/*"],
    ["GET /a/x/c", "GET /a/*/c"],
    // The literal "w" is tried first without success. The search backtracks.
    ["GET /x/w/y/z", "GET /x/*/y/z"],
    ["GET /x/w/y/q", "GET /x/w/*/q"],
    ["PUT /any/1", "* /any/{x}"],
    ["DELETE /any/1", "DELETE /any/{x}"],
    // The colon is part of the value, because no template has this verb here.
    ["GET /orders/urn:x", "GET /orders/{id}"],
    ["GET /orders/17%3Acancel", "GET /orders/{id}"],
    ["POST /orders/a:b:cancel", "POST /orders/{id}:cancel"],
    // Percent-encoding of unreserved characters changes nothing (RFC 3986, section 6.2.2.2).
    ["GET /%6Frders/17", "GET /orders/{id}"],
    ["GET /caf%C3%A9/a%2Fb", "GET /caf%C3%A9/a%2Fb"],
    ["GET /caf%c3%a9/a%2fb", "GET /caf%C3%A9/a%2Fb"],
  ])("%s", (request, expected) => {
    expect(find(api, request)).toBe(expected);
  });
});

describe("a path or method without a route", () => {
  test.each([
    ["GET /", "none"],
    ["GET orders", "none"],
    ["GET /orders/", "none"],
    ["POST /orders/:cancel", "allow GET"],
    ["GET //orders", "none"],
    ["GET /orders/1/2", "none"],
    ["GET /Orders", "none"],
    ["GET /caf%C3/a%2Fb", "none"],
    ["GET /caf%C3%A9/a/b", "none"],
    [`GET /files${"/a".repeat(300)}`, "none"],
    ["DELETE /orders", "allow GET,POST"],
    ["GET /orders/17:cancel", "allow POST"],
    ["POST /orders:watch", "allow GET"],
    ["POST /orders/17", "allow GET"],
    ["DELETE /orders/me", "allow GET"],
    ["get /orders", "allow GET,POST"],
  ])("%s: %s", (request, expected) => {
    expect(find(api, request)).toBe(expected);
  });

  test("a less specific template may match if the most specific one lacks the method", () => {
    expect(find(api, "GET /orders/bulk")).toBe("GET /orders/{id}");
    expect(find(api, "POST /orders/bulk")).toBe("POST /orders/bulk");
  });
});

describe("ambiguous routes are refused", () => {
  test.each([
    ["GET /a/{x}", "GET /a/{y}"],
    ["GET /a/{x}", "GET /a/*"],
    ["GET /{name=a/*}", "GET /a/{y}"],
    ["GET /a/{x=**}", "GET /a/**"],
    ["POST /a/{x}:v", "POST /a/{y}:v"],
    ["* /a", "* /a"],
    ["GET /a%41", "GET /aA"],
  ])("%s and %s", (first, second) => {
    expect(() => tableOf(first, second)).toThrow(RouteConflictError);
    expect(() => tableOf(first, second)).toThrow(first);
  });

  test.each([
    ["GET /a/{x}", "POST /a/{x}"],
    ["GET /a/{x}", "GET /a/{x}:v"],
    ["GET /a/{x}", "GET /a/b"],
    ["GET /a/*", "GET /a/**"],
    ["* /a", "GET /a"],
  ])("%s and %s are distinguishable", (first, second) => {
    expect(() => tableOf(first, second)).not.toThrow();
  });
});

test("a match equals the result of testing each template separately", () => {
  const segment = fc.constantFrom("a", "b", "*");
  const template = fc.tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean());
  const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.uniqueArray(template, { selector: String, maxLength: 12 }), path, (templates, segments) => {
      const sources = templates.map(([parts, open]) => `GET /${[...parts, ...(open ? ["**"] : [])].join("/")}`);
      const matching = sources.filter((source) => matchesAlone(source.slice(5).split("/"), segments));
      const found = find(tableOf(...sources), `GET /${segments.join("/")}`);
      expect(found).toBe(matching.sort(bySpecificity)[0] ?? "none");
    }),
  );
});

function matchesAlone(template: readonly string[], segments: readonly string[]): boolean {
  const open = template.at(-1) === "**";
  const fixed = open ? template.slice(0, -1) : template;
  const fits = open ? segments.length >= fixed.length : segments.length === fixed.length;
  return fits && fixed.every((part, index) => part === "*" || part === segments[index]);
}

/** From the left, by segment: literal, then `*`, then the end, then `**`. */
function bySpecificity(first: string, second: string): number {
  const rank = (part: string | undefined) => (part === undefined ? 2 : part === "**" ? 3 : part === "*" ? 1 : 0);
  const [a, b] = [first.slice(5).split("/"), second.slice(5).split("/")];
  for (let index = 0; index < 6; index++) {
    const difference = rank(a[index]) - rank(b[index]);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

test("an adversarial path is matched in one walk over the tree", () => {
  // Every level branches: a naive search would try 2^20 branches in vain.
  const depth = 20;
  const table = new RouteTable<string>(String);
  for (let level = 0; level < depth; level++) {
    for (const part of ["a", "*"]) {
      const parts = Array.from({ length: depth }, (_, index) => (index === level ? part : "*"));
      try {
        table.add("GET", parsePathTemplate(`/${parts.join("/")}/end`), part);
      } catch {
        // The template of wildcards alone is generated at every level.
      }
    }
  }
  const start = performance.now();
  for (let round = 0; round < 100; round++) {
    expect(table.match("GET", `/${Array(depth).fill("a").join("/")}/no`).kind).toBe("none");
  }
  expect(performance.now() - start).toBeLessThan(2000);
});
