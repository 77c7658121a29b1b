import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

const fields = ["userId", "items", "requestId", "productId", "quantity"];
const states = ["ORDER_STATE_UNSPECIFIED", "ORDER_STATE_PENDING", "ORDER_STATE_CONFIRMED"];

describe("the nearest name", () => {
  test.each([
    ["requestID", fields, "requestId"],
    ["request_id", fields, "requestId"],
    ["reqestId", fields, "requestId"],
    ["prodcutId", fields, "productId"],
    ["quantitiy", fields, "quantity"],
    ["item", fields, "items"],
    ["CONFIRMED", states, "ORDER_STATE_CONFIRMED"],
    ["confirmed", states, "ORDER_STATE_CONFIRMED"],
    ["ORDER_STATE_CONFIRMD", states, "ORDER_STATE_CONFIRMED"],
    ["colour", fields, undefined],
    ["Id", fields, undefined],
    ["", fields, undefined],
    ["x", [], undefined],
  ])("to %j of %j is %j", (given, known, expected) => {
    expect(nearestName(given, known)).toBe(expected);
  });

  test("finds a name of some length through any single edit", () => {
    const slip = fc.tuple(
      fc.constantFrom(...fields.filter((name) => name.length > 5)),
      fc.nat(),
      fc.constantFrom("x", "q"),
    );
    fc.assert(
      fc.property(slip, fc.constantFrom("drop", "add", "change", "swap"), ([name, place, letter], kind) => {
        const at = place % (name.length - 1);
        const head = name.slice(0, at);
        const misspelt = {
          drop: head + name.slice(at + 1),
          add: head + letter + name.slice(at),
          change: head + letter + name.slice(at + 1),
          swap: head + name[at + 1] + name[at] + name.slice(at + 2),
        }[kind];
        expect(nearestName(misspelt, fields)).toBe(name);
      }),
    );
  });
});
