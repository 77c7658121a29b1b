import type { JSX } from "preact";
import { PageHead } from "../parts/page-head.tsx";
import { route, setParams } from "../route.ts";
import { isAdmin } from "../session/session.ts";
import { DeadLetters } from "./dead-letters.tsx";
import { FailedNotifications } from "./failed-notifications.tsx";
import { NotificationList } from "./notification-list.tsx";
import { TestNotification } from "./test-notification.tsx";

const tabs = { all: "All", failed: "Failed", letters: "Dead letters" } as const;

export function NotificationsView(): JSX.Element {
  const tab = (route.value.params.get("tab") ?? "all") as keyof typeof tabs;
  return (
    <div class="page">
      <PageHead title="Notifications" text="Notifications to buyers and to the shop, updated live.">
        {isAdmin() ? (
          <div class="tabs" role="group" aria-label="Which">
            {Object.entries(tabs).map(([name, label]) => (
              <button
                key={name}
                type="button"
                aria-pressed={tab === name}
                onClick={() => setParams({ tab: name === "all" ? undefined : name })}
              >
                {label}
              </button>
            ))}
          </div>
        ) : null}
      </PageHead>
      <div class="columns wide-narrow">
        {tab === "failed" ? <FailedNotifications /> : tab === "letters" ? <DeadLetters /> : <NotificationList />}
        {isAdmin() ? <TestNotification /> : null}
      </div>
    </div>
  );
}
