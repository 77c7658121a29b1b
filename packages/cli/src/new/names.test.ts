import { expect, it } from "vitest";
import { UsageError } from "../outcome/usage-error.ts";
import { kebabCase, namesOf, plural } from "./names.ts";

it("spells a name of one word", () => {
  expect(namesOf("review")).toEqual({
    name: "review",
    names: "reviews",
    Name: "Review",
    Names: "Reviews",
    value: "review",
    values: "reviews",
    field: "review",
    fields: "reviews",
    NAME: "REVIEW",
    words: "review",
    wordsPlural: "reviews",
    article: "a",
    Article: "A",
  });
});

it("spells a name of several words", () => {
  expect(namesOf("allowed-category")).toEqual({
    name: "allowed-category",
    names: "allowed-categories",
    Name: "AllowedCategory",
    Names: "AllowedCategories",
    value: "allowedCategory",
    values: "allowedCategories",
    field: "allowed_category",
    fields: "allowed_categories",
    NAME: "ALLOWED_CATEGORY",
    words: "allowed category",
    wordsPlural: "allowed categories",
    article: "an",
    Article: "An",
  });
});

it.each([
  ["Review", "for example review"],
  ["giftCard", "for example gift-card"],
  ["gift_card", "for example gift-card"],
  ["gift card", "for example gift-card"],
  ["gift--card", "for example gift-card"],
  ["-review", "for example review"],
  ["2nd-review", "for example gift-card"],
  ["gift-2", "for example gift-2"],
  ["../../etc", "for example etc"],
  ["", "for example gift-card"],
  ["überweisung", "kebab-case"],
  ["review-service", 'Leave "service" out'],
  ["service", 'Leave "service" out'],
  ["class", "word of JavaScript"],
  ["await", "word of JavaScript"],
  ["map", "word of JavaScript"],
  ["error", "word of JavaScript"],
  ["a".repeat(41), "at most 40"],
])("refuses %j: %s", (name, text) => {
  expect(() => namesOf(name)).toThrow(UsageError);
  expect(() => namesOf(name)).toThrow(text);
});

it.each([
  ["review", "reviews"],
  ["category", "categories"],
  ["day", "days"],
  ["box", "boxes"],
  ["address", "addresses"],
  ["batch", "batches"],
])("the plural of %s is %s", (noun, expected) => {
  expect(plural(noun)).toBe(expected);
});

it.each([
  ["ApproveReview", "approve-review"],
  ["MarkGiftCardAsSpent", "mark-gift-card-as-spent"],
])("%s is %s in kebab-case", (text, expected) => {
  expect(kebabCase(text)).toBe(expected);
});
