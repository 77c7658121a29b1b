import { EchoService } from "@parley/gen/echo/v1/echo_service_pb.js";
import { InventoryService } from "@parley/gen/product/v1/inventory_service_pb.js";
import { expect, it } from "vitest";
import { implement, implementPartly } from "./service-module.ts";

it("accepts an implementation of every method", () => {
  expect(implement(EchoService, { echo: ({ message }) => ({ message }) }).service).toBe(EchoService);
});

// `npm run check` fails if one of these lines is not a type error.
it("makes a missing implementation of a declared method a type error", () => {
  // @ts-expect-error: echo is missing.
  expect(implement(EchoService, {})).toBeDefined();
  // @ts-expect-error: five methods are missing.
  expect(implement(InventoryService, { checkStock: () => ({}) })).toBeDefined();
  expect(implementPartly(InventoryService, { checkStock: () => ({}) })).toBeDefined();
});
