import { toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { jsonOf, testLibrary } from "../testing/library.ts";

const usd = { defaultCurrency: "USD" };
const money = (units: string, nanos = 0) => ({ currencyCode: "USD", units, ...(nanos === 0 ? {} : { nanos }) });

async function received(request: string, body: string) {
  const library = testLibrary(undefined, usd);
  const response = await library.ask(request, { body });
  expect(response.status, String(response.body)).toBe(200);
  const [call] = library.calls;
  const method = library.service.methods.find(({ name }) => name === call?.method) ?? expect.fail();
  return toJson(method.input, (call ?? expect.fail()).message);
}

describe("a number where the contract has an amount of money", () => {
  test.each([
    ["in a field, under either of its names", '{"new_price": 199.99}', { newPrice: money("199", 990_000_000) }],
    [
      "with digits that a double does not hold",
      '{"newPrice":9007199254740993.000000001}',
      { newPrice: money("9007199254740993", 1) },
    ],
    [
      "in a list, beside the standard form",
      '{"prices":[1, {"currencyCode":"EUR","units":"2"}, 3.50]}',
      { prices: [money("1"), { currencyCode: "EUR", units: "2" }, money("3", 500_000_000)] },
    ],
    ["in a map", '{"byShop":{"a":1.5, "\\"b\\\\":2}}', { byShop: { a: money("1", 500_000_000), '"b\\': money("2") } }],
    ["in a nested message", '{"inner":{"inner":{"newPrice":7}}}', { inner: { inner: { newPrice: money("7") } } }],
    [
      "beside strings and numbers of other fields",
      '{"note":"0.1 \\" 1e5","weight":0.1,"newPrice":1e1}',
      { note: '0.1 " 1e5', weight: 0.1, newPrice: money("10") },
    ],
    ["null, which is no amount", '{"newPrice":null,"prices":[]}', {}],
  ])("%s is that amount in the default currency", async (_name, body, expected) => {
    expect(await received("POST /v1/books:price", body)).toEqual(expected);
  });

  test("is that amount where it is the whole body", async () => {
    expect(await received("PUT /v1/books/5/price", "-12.25")).toEqual({
      number: "5",
      price: { currencyCode: "USD", units: "-12", nanos: -250_000_000 },
    });
  });

  test.each([
    [
      '{"newPrice":0.0000000001}',
      "newPrice",
      "`newPrice` must have at most 9 decimals, such as 199.99; it is 0.0000000001.",
    ],
    [
      '{"prices":[1,9223372036854775808]}',
      "prices[1]",
      "`prices[1]` must be from -9223372036854775807 to 9223372036854775807",
    ],
    ['{"inner":{"by_shop":{"x":1e-10}}}', 'inner.by_shop["x"]', "at most 9 decimals"],
    ['{"newPrice":"199.99"}', "newPrice", '{"currencyCode": "USD", "units": "199", "nanos": 990000000}'],
    ['{"newPrice":"199.99"}', "newPrice", "`newPrice` must be a number, such as 199.99, or an object, such as"],
    ['{"newPrice":true}', "newPrice", "or an object"],
    ['{"prices":[[1]]}', "prices[0]", "must be a number, such as 199.99, or an object"],
  ])("is refused, with the field, if it is not a valid amount: %s", async (body, field, words) => {
    const response = await testLibrary(undefined, usd).ask("POST /v1/books:price", { body });
    const { error } = jsonOf(response) as { error: { message: string; details: { metadata?: object }[] } };
    expect(response.status).toBe(400);
    expect(error.message).toContain(words);
    expect(error.details[0]?.metadata).toMatchObject({ field });
  });

  test.each(['"12"', "1e-10"])("is refused by the body's field where it is the whole body: %s", async (body) => {
    const response = await testLibrary(undefined, usd).ask("PUT /v1/books/5/price", { body });
    expect(response.status).toBe(400);
    expect(String(response.body)).toContain("`price` must ");
  });

  test("is refused without a default currency, with the right form", async () => {
    const response = await testLibrary().ask("POST /v1/books:price", { body: '{"newPrice":199.99}' });
    expect(response.status).toBe(400);
    expect(String(response.body)).toContain('\\"units\\": \\"199\\", \\"nanos\\": 990000000');
  });
});
