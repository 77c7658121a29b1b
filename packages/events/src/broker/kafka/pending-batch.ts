import type { FailedDelivery } from "../../inbox/inbox.ts";
import { BrokerUnavailableError } from "../broker.ts";
import type { KafkaReply } from "./kafka-reply.ts";

/** A published batch that waits for the replies of all groups to all of its events. */
export class PendingBatch {
  readonly outcome: Promise<readonly FailedDelivery[]>;
  readonly #missing: Map<string, Set<string>>;
  readonly #failures = new Map<string, FailedDelivery>();
  readonly #resolve: (failures: readonly FailedDelivery[]) => void;
  readonly #reject: (error: Error) => void;

  constructor(groups: readonly string[], eventIds: readonly string[], signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<readonly FailedDelivery[]>();
    this.outcome = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#missing = new Map(groups.map((group) => [group, new Set(eventIds)]));
    const abort = () => this.fail("publishing was aborted before all consumers replied");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) {
      abort();
    }
    // The waiting call handles it. If the batch could not be published, no call waits.
    promise.catch(() => {}).finally(() => signal.removeEventListener("abort", abort));
  }

  replied({ group, eventIds, failures }: KafkaReply): void {
    const missing = this.#missing.get(group);
    for (const id of eventIds) {
      missing?.delete(id);
    }
    for (const failure of failures) {
      this.#failures.set(failure.eventId, failure);
    }
    if ([...this.#missing.values()].every((ids) => ids.size === 0)) {
      this.#resolve([...this.#failures.values()]);
    }
  }

  /** Whether a group has not replied to some of these events. */
  lacks(group: string, eventIds: readonly string[]): boolean {
    const missing = this.#missing.get(group);
    return eventIds.some((id) => missing?.has(id));
  }

  fail(why: string): void {
    this.#reject(new BrokerUnavailableError(why));
  }
}
