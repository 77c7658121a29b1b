import { PathTemplateError, parsePathTemplate, pathSegmentsMax, type TemplateVariable } from "@parley/contract";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capturedValue } from "./captured-value.ts";
import { RouteTable } from "./route-table.ts";

const one = { kind: "one" } as const;
const rest = { kind: "rest" } as const;
const literal = (text: string) => ({ kind: "literal", text }) as const;

describe("a template is parsed by the published grammar", () => {
  test.each([
    ["/shelves", [literal("shelves")], "", []],
    ["/v1/shelves", [literal("v1"), literal("shelves")], "", []],
    ["/*", [one], "", []],
    ["/**", [rest], "", []],
    ["/v1/*/x/**", [literal("v1"), one, literal("x"), rest], "", []],
    ["/orders:watch", [literal("orders")], "watch", []],
    ["/{id}", [one], "", [["id", 0, 1, false]]],
    ["/{id=*}", [one], "", [["id", 0, 1, false]]],
    ["/{id=**}", [rest], "", [["id", 0, 1, true]]],
    ["/{id=me}", [literal("me")], "", [["id", 0, 1, false]]],
    ["/orders/{id}:cancel", [literal("orders"), one], "cancel", [["id", 1, 2, false]]],
    ["/{name=shelves/*/books/*}", [literal("shelves"), one, literal("books"), one], "", [["name", 0, 4, true]]],
    ["/v1/{name=shelves/**}:read", [literal("v1"), literal("shelves"), rest], "read", [["name", 1, 3, true]]],
    [
      "/{a.b.c_d}/{e}",
      [one, one],
      "",
      [
        ["a.b.c_d", 0, 1, false],
        ["e", 1, 2, false],
      ],
    ],
    ["/a%2Fb/c%20d", [literal("a/b"), literal("c d")], "", []],
    ["/caf%C3%A9", [literal("café")], "", []],
    ["/a-b.c_d~e!f$g&h'i(j)k+l,m;n=o@p", [literal("a-b.c_d~e!f$g&h'i(j)k+l,m;n=o@p")], "", []],
    ["/a:b%3Ac", [literal("a")], "b:c", []],
  ])("%s", (source, segments, verb, variables) => {
    const template = parsePathTemplate(source);
    expect(template.segments).toEqual(segments);
    expect(template.verb).toBe(verb);
    expect(template.variables.map((v) => [v.fieldPath.join("."), v.start, v.end, v.multi])).toEqual(variables);
  });

  test.each([
    ["", '"/" is missing'],
    ["shelves", '"/" is missing'],
    ["/", "a segment is missing"],
    ["//a", "a segment is missing"],
    ["/a/", "a segment is missing"],
    ["/a//b", "a segment is missing"],
    ["/a:", "a verb is missing"],
    ["/a:b:c", 'unexpected ":"'],
    ["/a:b/c", 'unexpected "/"'],
    ["/a*", 'unexpected "*"'],
    ["/***", 'unexpected "*"'],
    ["/**/a", '"**" must be the last segment'],
    ["/{a=**}/b", '"**" must be the last segment'],
    ["/{a=**/b}", '"**" must be the last segment'],
    ["/{}", "a field name is missing"],
    ["/{a", '"}" is missing'],
    ["/{a.}", "a field name is missing"],
    ["/{.a}", "a field name is missing"],
    ["/{1a}", "a field name is missing"],
    ["/{a=}", "a segment is missing"],
    ["/{a={b}}", "a variable must not contain another"],
    ["/{a}b", 'unexpected "b"'],
    ["/{a}/{a}", "bound twice"],
    ["/a}", 'unexpected "}"'],
    ["/a?b=c", 'unexpected "?"'],
    ["/a b", 'unexpected " "'],
    ["/a%2", 'unexpected "%"'],
    ["/a%FF", "not percent-encoded UTF-8"],
    ["/ä", "a segment is missing"],
    [
      `/${Array(pathSegmentsMax + 1)
        .fill("a")
        .join("/")}`,
      "more than 64 segments",
    ],
  ])("%s is refused", (source, problem) => {
    expect(() => parsePathTemplate(source)).toThrow(PathTemplateError);
    expect(() => parsePathTemplate(source)).toThrow(problem);
  });

  test("no text makes the parser hang or throw another error", () => {
    const alphabet = fc.constantFrom("/", "*", "**", "{", "}", "=", ":", ".", "a", "b1", "%2F", "%", "é", " ");
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 24 }), (parts) => {
        try {
          parsePathTemplate(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(PathTemplateError);
        }
      }),
    );
  });
});

describe("a variable is decoded as specified", () => {
  test.each([
    ["/{v}", "/a%2Fb", "a/b"],
    ["/{v}", "/a%2fb%20c", "a/b c"],
    ["/{v}", "/a+b", "a+b"],
    ["/{v=*}", "/%C3%A9", "é"],
    ["/{v=**}", "/a%2Fb/c%2fd", "a%2Fb/c%2fd"],
    ["/{v=**}", "/a%20b/%C3%A9", "a b/é"],
    ["/{v=x/*}", "/x/a%2Fb%3Ac", "x/a%2Fb:c"],
    ["/{v=x/**}", "/x", "x"],
    ["/{v=**}", "/", ""],
    ["/y/{v=**}", "/y/a//b/", "a//b/"],
  ])("%s captures %s as %s", (source, path, expected) => {
    expect(matchVariable(source, path)).toBe(expected);
  });

  test.each(["/%", "/%E9", "/%zz", "/%C3%28"])("%s is not percent-encoded UTF-8", (path) => {
    expect(() => matchVariable("/{v}", path)).toThrow(URIError);
    expect(() => matchVariable("/{v=**}", path)).toThrow(URIError);
  });

  test("an encoded path decodes to the same value", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((value) => value.isWellFormed());
    fc.assert(
      fc.property(text, text, (first, second) => {
        expect(matchVariable("/x/{v}:verb", `/x/${expandSingle(first)}:verb`)).toBe(first);
        const encoded = `shelves/${expandSingle(first)}/${expandSingle(second)}`;
        const read = matchVariable("/{v=shelves/**}", `/${encoded}`);
        // "%2F" is kept, so that segments remain distinguishable.
        expect(
          read
            .split("/")
            .slice(1)
            .map((part) => part.replaceAll(/%2F/g, "/")),
        ).toEqual([first, second]);
      }),
    );
  });
});

/** How a client encodes a single-segment variable: everything but `[-_.~0-9a-zA-Z]`. */
function expandSingle(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function matchVariable(source: string, path: string): string {
  const template = parsePathTemplate(source);
  const table = new RouteTable<TemplateVariable>(String);
  const [variable] = template.variables;
  if (variable === undefined) {
    throw new Error("the template has no variable");
  }
  table.add("GET", template, variable);
  const match = table.match("GET", path);
  if (match.kind !== "found") {
    throw new Error(`${path} does not match ${source}`);
  }
  return capturedValue(variable, match.segments, template.segments[variable.end - 1]?.kind === "rest");
}
