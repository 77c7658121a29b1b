import { expect, it } from "vitest";
import { type DecodeBudget, defaultDecodeBudget } from "./decode-budget.ts";
import { scanJson } from "./scan-json.ts";

const unlimited: DecodeBudget = { ...defaultDecodeBudget, fieldsMax: Number.MAX_SAFE_INTEGER };

/** The scanner reads blocks of 4 KiB: these lengths put what follows before, across and behind the end of one. */
const lengths = [0, 1, 4_080, ...Array.from({ length: 20 }, (_, index) => 4_086 + index), 8_192, 20_000];

const fillers: Readonly<Record<string, (length: number) => string>> = {
  "white space": (length) => " ".repeat(length),
  "a string": (length) => `"${"a".repeat(length)}",`,
  "escaped quotes": (length) => `"${'\\"'.repeat(length / 2)}",`,
  "escaped backslashes": (length) => `"${"a".repeat(length % 2)}${"\\\\".repeat(length / 2)}",`,
  "structure inside a string": (length) => `"${"{:,[".repeat(length / 4)}",`,
  "characters of several bytes": (length) => `"${"ü€".repeat(length / 5)}${"a".repeat(length % 5)}",`,
  "a number": (length) => `1${"0".repeat(length)},`,
};

it.each(Object.keys(fillers))("counts the keys behind %s of any length", (name) => {
  for (const length of lengths) {
    const text = `[${fillers[name]?.(length)}{"a\\"":{"b:{":"\\\\"},"c":[]}]`;
    expect(JSON.parse(text)).toBeInstanceOf(Array);
    expect(scanJson(Buffer.from(text), unlimited), `${length}`).toEqual({ keys: 3 });
  }
});

it.each(['"', '"a', '"\\', "[", "", "\\", " "])("passes the invalid text %j behind any length", (rest) => {
  for (const length of lengths) {
    expect(scanJson(Buffer.from(" ".repeat(length) + rest), unlimited)).toEqual({ keys: 0 });
  }
});

it.each([
  ["elements", "[{},{},{}]", { elementsMax: 3 }],
  ["levels", `${"[".repeat(7)}${"]".repeat(7)}`, { depthMax: 3 }],
  ["fields", "[1,2,3]", { fieldsMax: 2 }],
] as const)("refuses too many %s behind any length", (_, text, budget) => {
  for (const length of lengths) {
    expect(() => scanJson(Buffer.from(" ".repeat(length) + text), { ...unlimited, ...budget })).toThrow();
  }
});
