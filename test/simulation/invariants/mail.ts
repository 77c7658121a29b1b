import { NotificationKind, NotificationState } from "@parley/gen/notification/v1/notification_pb.js";
import type { MailCopy } from "../world/mail.ts";
import { buyers } from "../world/services.ts";
import type { World } from "../world/world.ts";
import type { Books, NotificationRow } from "./books.ts";
import type { Violation } from "./violation.ts";

/** The recipient of the shop's own alerts. */
const shopEmail = "shop@example.com";

/** Each notification reaches its recipient with its own text, and without avoidable duplicates. */
export function checkMail(
  books: Books,
  { mail, isBeforeFailover }: Pick<World, "mail" | "isBeforeFailover">,
): readonly Violation[] {
  const written = new Map(books.notifications.map((row) => [row.id, row]));
  return [
    ...books.notifications.flatMap((row) => checkNotification(row, books, mail.received.get(row.id) ?? [])),
    ...[...mail.received]
      // A failover may have lost the notification, and what it was about, after the mail was sent.
      .filter(([key, copies]) => written.has(key) || !copies.every(({ life }) => isBeforeFailover(life)))
      .flatMap(([key, copies]) => checkCopies(key, copies, written.get(key))),
  ].map((message): Violation => ({ invariant: "mail", message }));
}

function checkNotification(row: NotificationRow, books: Books, copies: readonly MailCopy[]): readonly string[] {
  const messages: string[] = [];
  // The simulated mail server never rejects a recipient permanently, and no world is faulty for days: the service must not
  // abandon a mail.
  if (row.state !== NotificationState.SENT) messages.push(`${row.id} is ${NotificationState[row.state]}`);
  if (copies.length === 0) messages.push(`${row.id} was never delivered`);
  const expected = expectedOf(row, books);
  if (expected === undefined) {
    messages.push(`${row.id} belongs to no recorded event`);
  } else if (row.recipient !== expected.recipient || row.subject !== expected.subject) {
    messages.push(
      `${row.id} is "${row.subject}" to ${row.recipient}, instead of "${expected.subject}" to ${expected.recipient}`,
    );
  }
  return messages;
}

function checkCopies(key: string, copies: readonly MailCopy[], row: NotificationRow | undefined): readonly string[] {
  if (row === undefined) return [`a mail ${key} was sent without a notification`];
  const messages: string[] = [];
  for (const [index, copy] of copies.entries()) {
    if (copy.recipient !== row.recipient || copy.subject !== row.subject || copy.body !== row.body) {
      messages.push(
        `${key} is "${row.subject}" to ${row.recipient}, but was delivered as "${copy.subject}" to ${copy.recipient}`,
      );
    }
    // SMTP allows no better: only a process that saw a failure, or a restarted process, may send the message again.
    const confirmed = copies.slice(0, index).filter((before) => !before.isReportedFailed);
    if (confirmed.some((before) => before.life === copy.life)) {
      messages.push(`${key} was delivered ${copies.length} times, again by a process that had its acceptance`);
    } else if (confirmed.some((before) => !before.isAtOnce && copy.sendersThen.has(before.life))) {
      messages.push(
        `${key} was delivered ${copies.length} times, again by ${copy.life.name} while its first sender was alive`,
      );
    }
  }
  return messages;
}

interface Expected {
  readonly recipient: string;
  readonly subject: string;
}

/** The expected recipient and subject of a notification, from the recorded events. */
function expectedOf(row: NotificationRow, books: Books): Expected | undefined {
  switch (row.kind) {
    case NotificationKind.ORDER_CONFIRMED:
      return toBuyer(row, books, "confirmed");
    case NotificationKind.ORDER_CANCELLED:
      return toBuyer(row, books, "cancelled");
    case NotificationKind.STOCK_LOW: {
      const name = books.productEvents.find(({ id }) => id === row.id)?.payload;
      return name?.case === "stockLow"
        ? { recipient: shopEmail, subject: `Low stock: ${name.value.productName}` }
        : undefined;
    }
    default:
      return undefined;
  }
}

function toBuyer({ orderId, userId }: NotificationRow, books: Books, what: string): Expected | undefined {
  const order = books.orders.find(({ id }) => id === orderId);
  const isGuest = order?.userId === "" && order.userEmail !== "";
  const buyer = isGuest ? { id: "", email: order.userEmail } : buyers.find(({ id }) => id === order?.userId);
  if (buyer === undefined || userId !== buyer.id) return undefined;
  return { recipient: buyer.email, subject: `Your order ${orderId} is ${what}` };
}
