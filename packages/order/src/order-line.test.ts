import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addUp, sameLines } from "./order-line.ts";

const line = fc.record({
  productId: fc.constantFrom("101", "102", "103", "__proto__"),
  quantity: fc.integer({ min: 1, max: 10_000 }),
});
const lines = fc.array(line, { minLength: 1, maxLength: 100 });
const total = (all: readonly { quantity: number }[]) => all.reduce((units, { quantity }) => units + quantity, 0);

describe("the lines of an order", () => {
  it("are merged to one for each product, in the order of first appearance", () => {
    const added = addUp([
      { productId: "102", quantity: 1 },
      { productId: "101", quantity: 2 },
      { productId: "102", quantity: 3 },
    ]);
    expect(added).toEqual([
      { productId: "102", quantity: 4 },
      { productId: "101", quantity: 2 },
    ]);
  });

  it("lose no unit and name no product twice", () => {
    fc.assert(
      fc.property(lines, (all) => {
        const added = addUp(all);
        expect(total(added)).toBe(total(all));
        expect(new Set(added.map(({ productId }) => productId)).size).toBe(added.length);
      }),
    );
  });

  it("are equal in any order, merged or not", () => {
    fc.assert(
      fc.property(lines, (all) => {
        const split = all.flatMap(({ productId, quantity }) =>
          quantity === 1
            ? [{ productId, quantity }]
            : [
                { productId, quantity: 1 },
                { productId, quantity: quantity - 1 },
              ],
        );
        expect(sameLines(addUp(all), addUp(split.toReversed()))).toBe(true);
      }),
    );
  });

  it.each([
    ["a unit more", [{ productId: "101", quantity: 3 }]],
    ["another product", [{ productId: "102", quantity: 2 }]],
    [
      "a line more",
      [
        { productId: "101", quantity: 2 },
        { productId: "102", quantity: 1 },
      ],
    ],
  ])("differ by %s", (_, others) => {
    const some = [{ productId: "101", quantity: 2 }];
    expect(sameLines(some, others)).toBe(false);
    expect(sameLines(others, some)).toBe(false);
  });
});
