import type { Ledger } from "../workload/ledger.ts";
import type { World } from "../world/world.ts";
import { readBooks, readUnfinished } from "./books.ts";
import { checkMail } from "./mail.ts";
import { checkNotifications } from "./notifications.ts";
import { checkOrders } from "./orders.ts";
import { checkRefusals } from "./refusals.ts";
import { checkStock } from "./stock.ts";
import type { Violation } from "./violation.ts";

/** Compares the databases, the published events, and the clients' requests and responses. */
export function checkInvariants(world: World, ledger: Ledger): readonly Violation[] {
  const books = readBooks(world);
  return [
    ...Object.entries(readUnfinished(world)).map(
      ([what, count]): Violation => ({ invariant: "unfinished", message: `${what}: ${count}` }),
    ),
    ...ledger.restocks
      .filter(({ isDone }) => isDone === undefined)
      .map((): Violation => ({ invariant: "unfinished", message: "a restock was never answered" })),
    ...ledger.strange.map((message): Violation => ({ invariant: "broken", message })),
    ...checkDeadLetters(world),
    ...checkStock(books, ledger),
    ...checkOrders(books, ledger, world),
    ...checkRefusals(books, ledger, world),
    ...checkNotifications(books),
    ...checkMail(books, world),
  ];
}

function checkDeadLetters({ disks }: World): readonly Violation[] {
  const letters = disks.notification.inspect<{ subject: string; cause: string }>(
    "SELECT subject, cause FROM dead_letters",
  );
  return letters.map(({ subject, cause }) => ({ invariant: "broken", message: `dead letter of ${subject}: ${cause}` }));
}
