import type { Evidence } from "./evidence.ts";
import { checkNotifications, checkStockLow } from "./invariants-of-notifications.ts";
import { checkAcknowledged, checkOncePerRequest, checkSettled } from "./invariants-of-orders.ts";
import { checkStock } from "./invariants-of-stock.ts";
import { checkNotificationStream, checkOrderStream, checkStockStream } from "./invariants-of-streams.ts";

/** A violated invariant, with its evidence. */
export interface Violation {
  readonly invariant: string;
  readonly evidence: string;
}

type Check = (evidence: Evidence) => readonly string[];

/** Parley's invariants, as far as clients can observe them. A check returns its violations, one line each. */
export const invariants: Readonly<Record<string, Check>> = {
  "no program ends by itself": ({ endedAlone }) => endedAlone,
  "the injected faults explain every error": ({ ledger }) => ledger.unexpected,
  "every acknowledged order exists as acknowledged": checkAcknowledged,
  "one request has one order": checkOncePerRequest,
  "no order is left pending": checkSettled,
  "stock = initial stock + restocks - sold units": checkStock,
  "one notification for each confirmation and each cancellation": checkNotifications,
  "one alert for each time that stock fell to its threshold": checkStockLow,
  "WatchStock has no gap and no repeat": checkStockStream,
  "WatchOrders has no gap and no repeat": checkOrderStream,
  "WatchNotifications has no gap and no repeat": checkNotificationStream,
};

/** Every violated invariant. */
export function findViolations(evidence: Evidence): readonly Violation[] {
  return Object.entries(invariants).flatMap(([invariant, check]) =>
    check(evidence).map((line) => ({ invariant, evidence: line })),
  );
}
