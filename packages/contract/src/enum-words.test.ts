import { ListNotificationsRequestSchema } from "@parley/gen/notification/v1/notification_service_pb.js";
import { CreateOrderRequestSchema, ListOrdersRequestSchema } from "@parley/gen/order/v1/order_service_pb.js";
import { describe, expect, test } from "vitest";
import { findUnknownWord, holdsEnum } from "./enum-words.ts";
import { libraryService } from "./testing/index.ts";

const { input: search } = libraryService().methods.find(({ name }) => name === "Search") ?? {};
if (search === undefined) {
  throw new Error("the fixture has no method Search");
}

describe("finds an unknown enum value", () => {
  test.each([
    [{ genre: "NOVEL" }, "genre", "did you mean GENRE_NOVEL?"],
    [{ genre: "genre_novel" }, "genre", "did you mean GENRE_NOVEL?"],
    [{ genre: "" }, "genre", "must be one of GENRE_UNSPECIFIED"],
    [{ genre: "1" }, "genre", "must be one of GENRE_UNSPECIFIED"],
    [{ filter: { genres: ["GENRE_POEM", "GENRE_POME"] } }, "filter.genres[1]", "did you mean GENRE_POEM?"],
    [{ filter: { not: { not: { genres: ["x"] } } } }, "filter.not.not.genres[0]", "must be one of GENRE_UNSPECIFIED"],
    [{ filters: [{}, { genres: ["x"] }] }, "filters[1].genres[0]", "must be one of GENRE_UNSPECIFIED"],
    [{ genre: "x".repeat(10_000) }, "genre", "…"],
  ])("%j", (json, path, hint) => {
    const found = findUnknownWord(search, json);
    expect(found?.path).toBe(path);
    expect(found?.description).toContain(hint);
    expect(found?.description.length).toBeLessThan(400);
  });

  test.each([
    [{}],
    [{ genre: null }],
    [{ genre: 1 }],
    [{ genre: 77 }],
    [{ genre: "GENRE_NOVEL" }],
    [{ text: "NOVEL", words: ["x"], unknown: "x" }],
    [{ anything: { genre: "x" } }],
    [{ filter: "not an object", filters: "x" }],
    [[]],
    [null],
    ["text"],
  ])("finds none in %j", (json) => {
    expect(findUnknownWord(search, json)).toBeUndefined();
  });
});

test("only messages that can contain an enum are searched", () => {
  expect([ListOrdersRequestSchema, ListNotificationsRequestSchema, search].map(holdsEnum)).toEqual([true, true, true]);
  expect(holdsEnum(CreateOrderRequestSchema)).toBe(false);
});
