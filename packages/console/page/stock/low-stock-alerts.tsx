import { type Notification, NotificationKind } from "@parley/client";
import { computed, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { written } from "../live/notifications.ts";
import { Empty } from "../parts/empty.tsx";
import { msOf, timeText } from "../parts/format.ts";
import { parley } from "../session/api.ts";
import { isAdmin, session } from "../session/session.ts";

/** The maximum number of alerts shown. */
const alertsMax = 12;

const earlier = signal<readonly Notification[]>([]);

const alerts = computed(() => {
  const live = written.value.filter(({ kind }) => kind === NotificationKind.STOCK_LOW);
  const seen = new Set(live.map(({ id }) => id));
  return [...live, ...earlier.value.filter(({ id }) => !seen.has(id))].slice(0, alertsMax);
});

/** The low-stock alerts, live. */
export function LowStockAlerts(): JSX.Element {
  useEffect(() => {
    if (isAdmin()) {
      parley.notifications.listNotifications({ kind: NotificationKind.STOCK_LOW, pageSize: alertsMax }).then(
        ({ notifications }) => {
          earlier.value = notifications;
        },
        () => {},
      );
    }
  }, [session.value]);
  return (
    <section class="panel" aria-label="Low-stock alerts" aria-live="polite">
      <header>
        <h2>Low-stock alerts</h2>
      </header>
      {alerts.value.length === 0 ? (
        <Empty icon="notifications" title="No alerts yet">
          <span>“Buy down” orders the units above a product's threshold. The alert then appears here.</span>
        </Empty>
      ) : (
        <ul class="alerts">
          {alerts.value.map((alert) => (
            <li key={alert.id} class="arrived" data-alert={alert.productId}>
              <strong>{alert.subject}</strong>
              <span class="small muted tabular">
                {timeText(msOf(alert.createTime))} · to {alert.recipient}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
