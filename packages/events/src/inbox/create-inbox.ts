import { readFamily } from "@parley/rpc";
import { eventMetrics } from "../event-metrics.ts";
import {
  type DeadLetter,
  listDeadLetters,
  readDeadLetters,
  removeDeadLetter,
  type StoredDeadLetter,
  updateDeadLetter,
} from "./dead-letters.ts";
import { createDeliverEvents } from "./deliver-events.ts";
import { handlerOf } from "./event-handler.ts";
import { causeOf } from "./failure-cause.ts";
import type { Inbox, InboxOptions, RedriveResult } from "./inbox.ts";
import { inboxRetentionMs, startPruningInbox } from "./prune-inbox.ts";

const defaultMaxAttempts = 5;

/** Opens a service's inbox. */
export function createInbox(options: InboxOptions): Inbox {
  const { database, environment, handlers, maxAttempts = defaultMaxAttempts, retentionMs = inboxRetentionMs } = options;
  const { log } = environment;
  const metrics = eventMetrics(environment.metrics);
  readFamily(environment.metrics, {
    name: "parley_events_dead_letters",
    help: "Dead letters: events that failed `maxAttempts` times and were not redriven yet.",
    type: "gauge",
    async read() {
      const row = await database.get<{ letters: number }>("SELECT COUNT(*) AS letters FROM dead_letters");
      return [{ labels: {}, value: row?.letters ?? 0 }];
    },
  });
  let stopPruning: (() => Promise<void>) | undefined;

  async function redriveDeadLetters(eventIds: readonly string[]): Promise<RedriveResult> {
    const deliveredEventIds: string[] = [];
    const deadLetters: DeadLetter[] = [];
    for (const letter of await readDeadLetters(database, eventIds)) {
      const failure = await redrive(letter);
      if (failure === undefined) {
        deliveredEventIds.push(letter.eventId);
      } else {
        deadLetters.push(failure);
      }
    }
    return { deliveredEventIds, deadLetters };
  }

  async function redrive(letter: StoredDeadLetter): Promise<DeadLetter | undefined> {
    try {
      await database.transaction(async (transaction) => {
        if (await removeDeadLetter(transaction, letter)) {
          await handlerOf(handlers, letter.event)?.(transaction);
        }
      });
      return undefined;
    } catch (error) {
      const { event: _, ...rest } = letter;
      const again: DeadLetter = { ...rest, cause: causeOf(error), attempts: letter.attempts + 1 };
      log.warn({ eventId: letter.eventId, attempts: again.attempts, err: error }, "dead letter failed again");
      await database.transaction((transaction) => updateDeadLetter(transaction, again));
      return again;
    }
  }

  return {
    deliver: createDeliverEvents({ database, environment, handlers, maxAttempts, metrics }),
    listDeadLetters: (page) => listDeadLetters(database, page),
    redriveDeadLetters,
    start() {
      stopPruning ??= startPruningInbox({ database, environment, retentionMs });
    },
    async stop() {
      await stopPruning?.();
      stopPruning = undefined;
    },
  };
}
