import { expect, test } from "vitest";
import {
  attemptsMax,
  NotificationKind,
  NotificationState,
  newNotification,
  retryDelayMs,
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

test("a sent notification says when", () => {
  expect(settle(pending, { kind: "sent", timeMs: 5 })).toMatchObject({
    state: NotificationState.SENT,
    sendTimeMs: 5,
    attempts: 1,
  });
});

test("a failure is tried again until the attempts are used up", () => {
  let notification = pending;
  for (let attempt = 1; attempt < attemptsMax; attempt++) {
    notification = settle(notification, { kind: "failed", final: false });
    expect(notification.state).toBe(NotificationState.PENDING);
  }
  expect(settle(notification, { kind: "failed", final: false }).state).toBe(NotificationState.FAILED);
});

test("a final failure is not tried again", () => {
  expect(settle(pending, { kind: "failed", final: true }).state).toBe(NotificationState.FAILED);
});

test("a settled notification never moves", () => {
  const sent = settle(pending, { kind: "sent", timeMs: 5 });
  expect(() => settle(sent, { kind: "failed", final: true })).toThrow("settled already");
});

test("waits double up to ten minutes and are spread by a fifth", () => {
  expect(retryDelayMs(1, () => 0.5)).toBe(1_000);
  expect(retryDelayMs(3, () => 0.5)).toBe(4_000);
  expect(retryDelayMs(40, () => 0.5)).toBe(600_000);
  expect(retryDelayMs(1, () => 0)).toBe(800);
  expect(retryDelayMs(1, () => 0.999)).toBeLessThanOrEqual(1_200);
  // A column of whole numbers takes no fraction in PostgreSQL.
  expect(retryDelayMs(1, () => 0.123_456)).toBe(849);
});
