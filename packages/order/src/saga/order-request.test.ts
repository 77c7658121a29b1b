import { describe, expect, it } from "vitest";
import { InvalidFieldError } from "../order-errors.ts";
import { orderRequestOf, type RequestFields } from "./order-request.ts";

const empty: RequestFields = { userId: "", guestEmail: "", items: [], productId: "", quantity: 0, requestId: "" };
const mouse = { productId: "102", quantity: 2 };
const guests = { guests: true };

describe("the fields of CreateOrder", () => {
  it("may name one product in place of a list of one line", () => {
    const long = orderRequestOf({ ...empty, userId: "1", items: [mouse] }, guests);
    expect(orderRequestOf({ ...empty, userId: "1", ...mouse }, guests)).toEqual(long);
    expect(long.items).toEqual([mouse]);
  });

  it.each<[string, string, Partial<RequestFields>, string]>([
    ["no line", "items", {}, "`product_id` and `quantity` are enough"],
    ["both forms", "product_id", { items: [mouse], ...mouse }, "Set either `items` or `product_id`"],
    ["a product without a quantity", "quantity", { productId: "102" }, "from 1 to 10000"],
    ["a quantity without a product", "product_id", { quantity: 2 }, "`product_id` is required"],
    ["a quantity beside a list", "product_id", { items: [mouse], quantity: 2 }, "`product_id` is required"],
    [
      "a guest's address for a user",
      "guest_email",
      { ...mouse, userId: "1", guestEmail: "g@example.com" },
      "`user_id`",
    ],
  ])("are refused with %s, naming %s", (_what, field, fields, message) => {
    const refused = () => orderRequestOf({ ...empty, ...fields }, guests);
    expect(refused).toThrow(InvalidFieldError);
    expect(refused).toThrow(expect.objectContaining({ field, message: expect.stringContaining(message) }));
  });

  it("need a user where guests may not order", () => {
    expect(() => orderRequestOf({ ...empty, ...mouse }, { guests: false })).toThrow(
      expect.objectContaining({ field: "user_id", message: expect.stringContaining("GUEST_ORDERS") }),
    );
    expect(orderRequestOf({ ...empty, ...mouse }, guests)).toMatchObject({ userId: "", guestEmail: "" });
  });
});
