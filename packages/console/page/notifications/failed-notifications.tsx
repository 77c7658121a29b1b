import type { FailedNotification } from "@parley/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useAction } from "../parts/busy.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { msOf, timeText } from "../parts/format.ts";
import { tell } from "../parts/toasts.tsx";
import { parley } from "../session/api.ts";

const failed = signal<readonly FailedNotification[] | undefined>(undefined);
const error = signal<unknown>(undefined);

async function read(): Promise<void> {
  try {
    failed.value = (await parley.notifications.listFailedNotifications({ pageSize: 100 })).failedNotifications;
    error.value = undefined;
  } catch (failure) {
    error.value = failure;
  }
}

/** Notifications that could not be sent, with their errors, and a button to send them again. */
export function FailedNotifications(): JSX.Element {
  useEffect(() => void read(), []);
  const redriving = useAction(async (ids: readonly string[]) => {
    const { failedNotifications } = await parley.notifications.redriveFailedNotifications({
      notificationIds: [...ids],
    });
    tell(
      `${failedNotifications.length} ${failedNotifications.length === 1 ? "notification is" : "notifications are"} tried again.`,
    );
    await read();
  });
  return (
    <section class="panel" aria-label="Notifications that were given up">
      <header>
        <h2>Given up</h2>
        <button type="button" class="button small" onClick={() => void read()}>
          Look again
        </button>
        <button
          type="button"
          class="button small"
          disabled={redriving.busy.value || (failed.value?.length ?? 0) === 0}
          onClick={() => void redriving.run([])}
        >
          Try all again
        </button>
      </header>
      {error.value === undefined ? null : <Failure error={error.value} />}
      {redriving.error.value === undefined ? null : <Failure error={redriving.error.value} />}
      {failed.value?.length === 0 ? (
        <Empty icon="check" title="Nothing was given up">
          <span>
            A notification comes here when its address is refused, or when it could not be sent for four days.
          </span>
        </Empty>
      ) : (
        <ul class="messages">
          {failed.value?.map(({ notification, cause, attempts, failTime }) => (
            <li key={notification?.id} class="letter">
              <div>
                <strong>{notification?.subject}</strong> <span class="small muted">to {notification?.recipient}</span>
                <p class="wrong">{cause}</p>
                <p class="small muted">
                  {attempts} {attempts === 1 ? "attempt" : "attempts"}, the last at {timeText(msOf(failTime))}
                </p>
              </div>
              <button
                type="button"
                class="button small"
                disabled={redriving.busy.value}
                onClick={() => void redriving.run([notification?.id ?? ""])}
              >
                Try again<span class="unseen"> {notification?.subject}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
