import type { Notification } from "@parley/client";
import { signal } from "@preact/signals";

/** The most notifications that the page keeps. */
const notificationsMax = 500;

/** What was written while the page was open, the newest first. */
export const written = signal<readonly Notification[]>([]);

export function putNotifications(notifications: readonly Notification[]): void {
  const ids = new Set(notifications.map(({ id }) => id));
  const older = written.value.filter(({ id }) => !ids.has(id));
  written.value = [...notifications.toReversed(), ...older].slice(0, notificationsMax);
}
