import type { Notification } from "@parley/client";
import { signal } from "@preact/signals";

/** The maximum number of notifications that the page keeps. */
const notificationsMax = 500;

/** The notifications created while the page was open, newest first. */
export const written = signal<readonly Notification[]>([]);

export function putNotifications(notifications: readonly Notification[]): void {
  const ids = new Set(notifications.map(({ id }) => id));
  const older = written.value.filter(({ id }) => !ids.has(id));
  written.value = [...notifications.toReversed(), ...older].slice(0, notificationsMax);
}
