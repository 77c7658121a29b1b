import { RE2JS } from "@bufbuild/re2";
import { expect, it } from "vitest";
import { matchPattern } from "./match-pattern.ts";

const patterns = [
  "^[^\\x00-\\x1f\\x7f]*$",
  "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f]*$",
  "^[^\\x00]*$",
  "[\\x00-\\x1f\\x7f]",
  "^[A-Z]{3}$",
  "^(a+)+$",
  "a|b",
];
const texts = [
  "",
  "a",
  "USD",
  "usd",
  "a\0b",
  "a\nb",
  "\x7f",
  "ü€😀",
  "a\u2028b",
  "b\n",
  "\ud800",
  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
];

it.each(patterns)("matches %j as RE2 does", (pattern) => {
  for (const text of texts) {
    expect([text, matchPattern(pattern, text)]).toEqual([text, RE2JS.compile(pattern).test(text)]);
  }
});
