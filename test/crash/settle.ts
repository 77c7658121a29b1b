import { type BuyerOptions, finish, place } from "./buyer.ts";
import type { Evidence } from "./evidence.ts";
import { findViolations, type Violation } from "./invariants.ts";
import { isAnswered } from "./ledger.ts";
import { type Observation, observe, type PlatformClients } from "./observation.ts";
import { pause } from "./random.ts";
import { finishRestock } from "./restocker.ts";

/** The maximum number of requests that are repeated at the end. */
const askedAgainMax = 500;
const lookAgainMs = 250;

/** The result of one observation of the platform. */
export interface Finding {
  /** Undefined if the observation failed. */
  readonly after?: Observation;
  readonly violations: readonly Violation[];
  /** Whether another observation would give the same result. */
  readonly final: boolean;
}

/** Resolves all requests without a response, and repeats some that have one: the responses must be the same. */
export async function finishAll(shop: BuyerOptions, giveUp: AbortSignal): Promise<void> {
  const { requests, restocks } = shop.ledger;
  await inBatches(restocks, (entry) => finishRestock(entry, shop, giveUp));
  await inBatches(
    requests.filter((each) => !isAnswered(each)),
    (each) => finish(each, shop, giveUp),
  );
  const repeatable = requests.filter(({ requestId, answers }) => requestId !== undefined && answers.length > 0);
  await inBatches(repeatable.slice(-askedAgainMax), (each) => place(each, shop));
}

/** Observes until there are no violations, a finding is final, or the signal aborts. Returns the last finding. */
export async function untilRight(look: () => Promise<Finding>, giveUp: AbortSignal): Promise<Finding> {
  let finding = await look();
  while (finding.violations.length > 0 && !finding.final && !giveUp.aborted) {
    await pause(lookAgainMs, giveUp);
    finding = await look();
  }
  return finding;
}

/** Observes the platform and checks the invariants. */
export async function findFrom(platform: PlatformClients, evidence: Omit<Evidence, "after">): Promise<Finding> {
  const { ledger, endedAlone } = evidence;
  try {
    const after = await observe(platform);
    const violations = findViolations({ ...evidence, after });
    return { after, violations, final: ledger.unexpected.length + endedAlone.length > 0 };
  } catch (error) {
    // A circuit breaker of the test's own client may still be open.
    const violations = [{ invariant: "the platform serves once faults stop", evidence: String(error) }];
    return { violations, final: false };
  }
}

/** Runs the work for all items, a few at a time: the platform must not be under load at rest. */
async function inBatches<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await work(next);
    }),
  );
}
