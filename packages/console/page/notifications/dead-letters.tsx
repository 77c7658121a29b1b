import type { DeadLetter } from "@parley/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { useAction } from "../parts/busy.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { msOf, shortId, timeText } from "../parts/format.ts";
import { tell } from "../parts/toasts.tsx";
import { parley } from "../session/api.ts";

const letters = signal<readonly DeadLetter[] | undefined>(undefined);
const error = signal<unknown>(undefined);

async function read(): Promise<void> {
  try {
    letters.value = (await parley.notifications.listDeadLetters({ pageSize: 100 })).deadLetters;
    error.value = undefined;
  } catch (failure) {
    error.value = failure;
  }
}

/** Dead-lettered events, with their errors, and their redelivery. */
export function DeadLetters(): JSX.Element {
  useEffect(() => void read(), []);
  const redriving = useAction(async (ids: readonly string[]) => {
    const answer = await parley.notifications.redriveDeadLetters({ eventIds: [...ids] });
    tell(`${answer.deliveredEventIds.length} delivered, ${answer.deadLetters.length} failed again.`);
    await read();
  });
  return (
    <section class="panel" aria-label="Dead letters">
      <header>
        <h2>Dead letters</h2>
        <button type="button" class="button small" onClick={() => void read()}>
          Look again
        </button>
        <button
          type="button"
          class="button small"
          disabled={redriving.busy.value || (letters.value?.length ?? 0) === 0}
          onClick={() => void redriving.run([])}
        >
          Redrive all
        </button>
      </header>
      {error.value === undefined ? null : <Failure error={error.value} />}
      {redriving.error.value === undefined ? null : <Failure error={redriving.error.value} />}
      {letters.value?.length === 0 ? (
        <Empty icon="check" title="No dead letters">
          <span>An event comes here when it failed as often as it is tried. None is lost.</span>
        </Empty>
      ) : (
        <ul class="messages">
          {letters.value?.map(({ eventId, eventType, subject, cause, attempts, createTime }) => (
            <li key={eventId} class="letter">
              <div>
                <strong>{eventType}</strong> <span class="small muted">about {shortId(subject)}</span>
                <p class="wrong">{cause}</p>
                <p class="small muted">
                  {attempts} {attempts === 1 ? "attempt" : "attempts"}, put aside at {timeText(msOf(createTime))}
                </p>
              </div>
              <button
                type="button"
                class="button small"
                disabled={redriving.busy.value}
                onClick={() => void redriving.run([eventId])}
              >
                Redrive<span class="unseen"> {eventType}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
