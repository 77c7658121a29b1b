import { expect, test } from "vitest";
import {
  attemptsMin,
  NotificationKind,
  NotificationState,
  newNotification,
  redrive,
  retryDelayMs,
  retryDelayMsMax,
  retryForMs,
  settle,
} from "./notification.ts";

const pending = newNotification({
  id: "1",
  kind: NotificationKind.TEST,
  recipient: "a@example.com",
  subject: "s",
  body: "b",
  createTimeMs: 1,
});

test("a sent notification has its time", () => {
  expect(settle(pending, { kind: "sent", timeMs: 5 })).toMatchObject({
    state: NotificationState.SENT,
    sendTimeMs: 5,
    attempts: 1,
  });
});

const failure = (timeMs: number, final = false) => ({ kind: "failed", final, cause: "451 later", timeMs }) as const;

test("a failure is retried for four days, however many attempts that takes", () => {
  let notification = pending;
  for (let attempt = 1; attempt <= 1_000; attempt++) {
    notification = settle(notification, failure(pending.createTimeMs + retryForMs - 1));
    expect(notification).toMatchObject({ state: NotificationState.PENDING, cause: "451 later", attempts: attempt });
  }
  const timeMs = pending.createTimeMs + retryForMs;
  expect(settle(notification, failure(timeMs))).toMatchObject({ state: NotificationState.FAILED, failTimeMs: timeMs });
});

test("a clock that was set forward fails no notification at once", () => {
  let notification = pending;
  for (let attempt = 1; attempt < attemptsMin; attempt++) {
    notification = settle(notification, failure(retryForMs * 10));
    expect(notification.state).toBe(NotificationState.PENDING);
  }
  expect(settle(notification, failure(retryForMs * 10)).state).toBe(NotificationState.FAILED);
});

test("a final failure is not retried", () => {
  expect(settle(pending, failure(5, true)).state).toBe(NotificationState.FAILED);
});

test("a settled notification never changes, except for a failed one that is redriven", () => {
  const sent = settle(pending, { kind: "sent", timeMs: 5 });
  const failed = settle(pending, failure(5, true));
  for (const settled of [sent, failed]) {
    expect(() => settle(settled, failure(5, true))).toThrow("settled already");
    expect(() => settle(settled, { kind: "sent", timeMs: 5 })).toThrow("settled already");
  }
  for (const notFailed of [sent, pending]) {
    expect(() => redrive(notFailed, 5)).toThrow("has not failed");
  }
  const again = redrive(failed, retryForMs * 2);
  expect(again).toMatchObject({ state: NotificationState.PENDING, attempts: 0, cause: "451 later" });
  // Its four days start again.
  expect(settle({ ...again, attempts: attemptsMin }, failure(retryForMs * 2 + 1)).state).toBe(
    NotificationState.PENDING,
  );
  expect(settle(again, { kind: "sent", timeMs: 7 })).toMatchObject({ cause: "", sendTimeMs: 7 });
});

test("waits double up to ten minutes, with a jitter of a fifth", () => {
  expect(retryDelayMs(1, () => 0.5)).toBe(1_000);
  expect(retryDelayMs(3, () => 0.5)).toBe(4_000);
  expect(retryDelayMs(40, () => 0.5)).toBe(600_000);
  expect(retryDelayMs(5_000, () => 1)).toBe(retryDelayMsMax);
  expect(retryDelayMs(1, () => 0)).toBe(800);
  expect(retryDelayMs(1, () => 0.999)).toBeLessThanOrEqual(1_200);
  // An integer column accepts no fraction in PostgreSQL.
  expect(retryDelayMs(1, () => 0.123_456)).toBe(849);
});
