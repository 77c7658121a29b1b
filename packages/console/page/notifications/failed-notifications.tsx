import type { JSX } from "preact";
import { Empty } from "../parts/empty.tsx";
import { msOf, timeText } from "../parts/format.ts";
import { parley } from "../session/api.ts";
import { RedriveList, redriveSource } from "./redrive-list.tsx";

const failed = redriveSource(
  async () => (await parley.notifications.listFailedNotifications({ pageSize: 100 })).failedNotifications,
);

/** Notifications that could not be sent, with their errors, and a button to send them again. */
export function FailedNotifications(): JSX.Element {
  return (
    <RedriveList
      source={failed}
      label="Failed notifications"
      title="Failed"
      again="Retry"
      allAgain="Retry all"
      redrive={async (ids) => {
        const { failedNotifications: again } = await parley.notifications.redriveFailedNotifications({
          notificationIds: [...ids],
        });
        return `${again.length} ${again.length === 1 ? "notification is" : "notifications are"} pending again.`;
      }}
      empty={
        <Empty icon="check" title="No failed notifications">
          <span>
            A notification is listed here if its address was refused, or if it could not be sent for four days.
          </span>
        </Empty>
      }
      row={({ notification, cause, attempts, failTime }) => ({
        id: notification?.id ?? "",
        name: notification?.subject ?? "",
        about: `to ${notification?.recipient ?? ""}`,
        cause,
        attempts,
        orderId: notification?.orderId ?? "",
        until: `the last at ${timeText(msOf(failTime))}`,
      })}
    />
  );
}
