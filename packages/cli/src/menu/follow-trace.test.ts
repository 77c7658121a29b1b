import { describe, expect, it } from "vitest";
import { newTrace } from "../telemetry/new-trace.ts";
import { stepInWords } from "./follow-trace.ts";

it("creates a trace context as the specification defines it", () => {
  const { traceId, traceparent } = newTrace();
  expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
  expect(newTrace().traceId).not.toBe(traceId);
});

describe("a step in words", () => {
  const step = { from: "order", to: "user", service: "user.v1.UserService", method: "ValidateUser", startMs: 2 };
  const validate = { ...step, durationMs: 1.25, code: "OK" };

  it("describes a call by its method's comment, and its response by its outcome", () => {
    expect(stepInWords({ kind: "call", call: validate, atMs: 2 })).toMatch(
      /^At 2\.0 ms order calls user: user\.v1\.UserService\/ValidateUser\. Checks whether a user may place orders/,
    );
    expect(stepInWords({ kind: "answer", call: validate, atMs: 3.25 })).toBe(
      "At 3.3 ms user answers order after 1.3 ms: OK.",
    );
  });

  it("describes events and mails, which no caller waits for", () => {
    const event = { ...validate, carries: "event", to: "notification", method: "parley.order.confirmed.v1" } as const;
    expect(stepInWords({ kind: "call", call: event, atMs: 2 })).toBe(
      "At 2.0 ms the event parley.order.confirmed.v1 of order takes effect in notification. No caller waits for it.",
    );
    expect(stepInWords({ kind: "answer", call: event, atMs: 3.25 })).toBe(
      "At 3.3 ms notification has handled the event after 1.3 ms: OK.",
    );
    const mail = { ...validate, carries: "mail", from: "notification", to: "smtp" } as const;
    expect(stepInWords({ kind: "call", call: mail, atMs: 2 })).toMatch(
      /^At 2\.0 ms notification sends a mail by smtp\./,
    );
    expect(stepInWords({ kind: "answer", call: mail, atMs: 3.25 })).toMatch(/notification has handled the mail/);
  });
});
