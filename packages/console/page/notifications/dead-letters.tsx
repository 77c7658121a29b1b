import type { JSX } from "preact";
import { Empty } from "../parts/empty.tsx";
import { msOf, shortId, timeText } from "../parts/format.ts";
import { parley } from "../session/api.ts";
import { RedriveList, redriveSource } from "./redrive-list.tsx";

const letters = redriveSource(async () => (await parley.notifications.listDeadLetters({ pageSize: 100 })).deadLetters);

/** Dead-lettered events, with their errors, and their redelivery. */
export function DeadLetters(): JSX.Element {
  return (
    <RedriveList
      source={letters}
      label="Dead letters"
      title="Dead letters"
      again="Redrive"
      allAgain="Redrive all"
      redrive={async (ids) => {
        const answer = await parley.notifications.redriveDeadLetters({ eventIds: [...ids] });
        return `${answer.deliveredEventIds.length} delivered, ${answer.deadLetters.length} failed again.`;
      }}
      empty={
        <Empty icon="check" title="No dead letters">
          <span>An event is listed here after its last delivery attempt failed. It can be redriven.</span>
        </Empty>
      }
      row={({ eventId, eventType, subject, cause, attempts, createTime }) => ({
        id: eventId,
        name: eventType,
        about: `about ${shortId(subject)}`,
        cause,
        attempts,
        orderId: eventType.startsWith("parley.order.") ? subject : "",
        until: `dead-lettered at ${timeText(msOf(createTime))}`,
      })}
    />
  );
}
