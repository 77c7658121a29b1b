import { Code } from "@connectrpc/connect";
import { reasonError } from "@parley/rpc";
import picocolors from "picocolors";
import { describe, expect, it } from "vitest";
import { contractOf } from "../contract/contracts.ts";
import { parametersOf } from "../contract/parameters.ts";
import { exitCodeOf } from "./exit-codes.ts";
import { failureLines } from "./failure.ts";

const colors = picocolors.createColors(false);

describe("the text of a failure", () => {
  it("contains code, message, reason and metadata", () => {
    const error = reasonError(Code.FailedPrecondition, {
      reason: "INSUFFICIENT_STOCK",
      message: "Not enough in stock.",
      metadata: { productId: "101", available: "48" },
    });
    expect(failureLines(error, { colors })).toEqual([
      "error: FAILED_PRECONDITION: Not enough in stock.",
      "  reason     INSUFFICIENT_STOCK",
      "  productId  101",
      "  available  48",
    ]);
  });

  it("names the wrong flag", () => {
    const method = contractOf("order.v1.OrderService").methods.find(({ name }) => name === "CreateOrder");
    const error = reasonError(Code.InvalidArgument, {
      reason: "INVALID_REQUEST",
      message: "`items[1].quantity` must be larger. `user_id` is required.",
      fields: [
        { field: "items[1].quantity", description: "must be larger" },
        { field: "user_id", description: "is required" },
        { field: "request_id", description: "must be a UUID" },
      ],
    });
    const lines = failureLines(error, { colors, parameters: parametersOf(method ?? expect.fail()) });
    expect(lines).toEqual([
      "error: INVALID_ARGUMENT: `--item` (quantity) must be larger. `--user` is required.",
      "  reason        INVALID_REQUEST",
      "  --request-id  must be a UUID",
    ]);
  });

  it("escapes control characters", () => {
    const error = reasonError(Code.NotFound, {
      reason: "X",
      message: "\u001b[2Jgone\r",
      metadata: { "a\u0007": "\u009b1m" },
    });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches control characters.
    expect(failureLines(error, { colors }).join("")).not.toMatch(/[\u0000-\u001f\u0080-\u009f]/);
  });

  it("contains the retry delay", () => {
    const error = reasonError(Code.ResourceExhausted, { reason: "X", message: "slow down", retryAfterMs: 1_500 });
    expect(failureLines(error, { colors })).toContain("  try again in  1.5 s");
  });
});

it.each([
  [Code.InvalidArgument, 2],
  [Code.NotFound, 3],
  [Code.FailedPrecondition, 4],
  [Code.Aborted, 4],
  [Code.Unauthenticated, 5],
  [Code.PermissionDenied, 5],
  [Code.Unavailable, 6],
  [Code.DeadlineExceeded, 6],
  [Code.Internal, 1],
  [Code.Unknown, 1],
])("has an exit code: %s is %s", (code, exitCode) => {
  expect(exitCodeOf(code)).toBe(exitCode);
});
