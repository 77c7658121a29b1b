import type { PlatformPrograms } from "../processes/platform-programs.ts";
import { type BuyerOptions, finish, place } from "./buyer.ts";
import type { Evidence } from "./evidence.ts";
import { findViolations, type Violation } from "./invariants.ts";
import { isAnswered } from "./ledger.ts";
import { type Observation, observe } from "./observation.ts";
import { pause } from "./random.ts";
import { finishRestock } from "./restocker.ts";

/** So many requests are asked again at the end; all of them where there are fewer. */
const askedAgainMax = 500;
const lookAgainMs = 250;

/** What one look at the platform showed. */
export interface Finding {
  /** Undefined if the platform could not be looked at. */
  readonly after?: Observation;
  readonly violations: readonly Violation[];
  /** Whether looking again would show the same. */
  readonly final: boolean;
}

/** Asks for all that is not answered yet, and asks again for some that is: the answers must be the same. */
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

/** Looks until nothing is wrong any more, or what is wrong stays wrong, or the signal aborts; the last finding. */
export async function untilRight(look: () => Promise<Finding>, giveUp: AbortSignal): Promise<Finding> {
  let finding = await look();
  while (finding.violations.length > 0 && !finding.final && !giveUp.aborted) {
    await pause(lookAgainMs, giveUp);
    finding = await look();
  }
  return finding;
}

/** Looks at the platform and checks what it promised. */
export async function findFrom(platform: PlatformPrograms, evidence: Omit<Evidence, "after">): Promise<Finding> {
  const { ledger, endedAlone } = evidence;
  try {
    const after = await observe(platform);
    const violations = findViolations({ ...evidence, after });
    return { after, violations, final: ledger.unexpected.length + endedAlone.length > 0 };
  } catch (error) {
    // A breaker of the test's own client may still be open.
    const violations = [{ invariant: "the platform serves once faults stop", evidence: String(error) }];
    return { violations, final: false };
  }
}

/** Does the same for many, a few at a time: at rest the platform is not to be put under load. */
async function inBatches<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await work(next);
    }),
  );
}
