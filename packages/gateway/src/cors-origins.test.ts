import { expect, it } from "vitest";
import { corsOrigins } from "./cors-origins.ts";

it.each([
  ["localhost", "http://localhost:3000", true],
  ["localhost", "http://127.0.0.1:8080", true],
  ["localhost", "https://[::1]:1", true],
  ["localhost", "http://shop.localhost", true],
  ["localhost", "https://evil.example", false],
  ["localhost", "http://localhost.evil.example", false],
  ["localhost", "null", false],
  ["localhost", "file://", false],
  ["https://shop.example", "https://shop.example", true],
  ["https://shop.example", "http://shop.example", false],
  ["https://shop.example", "http://localhost", false],
  ["*", "https://evil.example", true],
  ["", "https://evil.example", false],
])("CORS_ORIGINS=%s: a page of %s may read: %s", (setting, origin, allowed) => {
  expect(corsOrigins([setting])(origin)).toBe(allowed);
});
