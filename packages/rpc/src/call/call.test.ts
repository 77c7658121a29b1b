import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, RetryInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import { describe, expect, it } from "vitest";
import { systemEnvironment } from "../environment/system-environment.ts";
import { reasonError, reasonOf } from "./reason-error.ts";
import { requestIdOf } from "./request-id.ts";
import { childTrace } from "./trace.ts";

const environment = systemEnvironment({ name: "test", logDestination: { write: () => {} } });

describe("an error with a reason", () => {
  it("has a reason, a message, fields and a retry delay", () => {
    const cause = new Error("inside");
    const error = reasonError(Code.FailedPrecondition, {
      reason: "INSUFFICIENT_STOCK",
      message: "3 wanted, 2 left",
      metadata: { available: "2" },
      fields: [{ field: "items[0].quantity", description: "more than there is" }],
      retryAfterMs: 1_500,
      cause,
    });
    expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "3 wanted, 2 left", cause });
    expect(reasonOf(error)).toEqual({ reason: "INSUFFICIENT_STOCK", metadata: { available: "2" } });
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field).toBe("items[0].quantity");
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 500_000_000 });
  });

  it.each([new ConnectError("bare", Code.NotFound), new Error("other"), undefined, "text"])(
    "is distinguished from an error without one",
    (error) => {
      expect(reasonOf(error)).toBeUndefined();
    },
  );
});

describe("a request id", () => {
  it.each(["r-1", "x".repeat(128), "01a1fc5e-ea46-703e-b969-d44ec4e42191"])("that was received is kept: %s", (id) => {
    expect(requestIdOf(id, () => "new")).toBe(id);
  });

  it.each([undefined, "", "x".repeat(129), "two words", "line\nbreak", "ümlaut"])(
    "that is missing or invalid is replaced",
    (id) => {
      expect(requestIdOf(id, () => "new")).toBe("new");
    },
  );
});

describe("a trace", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";

  it("continues in a new span with the received flags", () => {
    const child = childTrace(`00-${traceId}-b7ad6b7169203331-01`, environment);
    expect(child.traceId).toBe(traceId);
    expect(child.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect(child.traceparent).not.toContain("b7ad6b7169203331");
  });

  it("is parsed in a later version too, by the known parts", () => {
    expect(childTrace(`cc-${traceId}-b7ad6b7169203331-01-what-comes-later`, environment).traceId).toBe(traceId);
  });

  it.each([
    undefined,
    "",
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-b7ad6b7169203331-01`,
    `00-${traceId}-b7ad6b7169203331`,
  ])("starts anew, not sampled, if it is invalid: %s", (traceparent) => {
    const child = childTrace(traceparent, environment);
    expect(child.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(child.traceId).not.toBe(traceId);
    expect(child.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  it("has ids that are never all zeros", () => {
    const spanless = childTrace(undefined, { ...environment, random: () => 0 });
    expect(spanless.traceparent).toMatch(/^00-0{31}1-0{15}1-00$/);
  });
});
