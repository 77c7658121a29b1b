import { type Notification, NotificationKind, NotificationState } from "@parley/client";
import { computed, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { written } from "../live/notifications.ts";
import { OrderCallsLink } from "../orders/order-calls-link.tsx";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { msOf, shortId, timeText } from "../parts/format.ts";
import { route, setParams } from "../route.ts";
import { parley } from "../session/api.ts";
import { isAdmin, session } from "../session/session.ts";
import { askToSignIn } from "../session/sign-in.tsx";
import { signIn } from "../session/tokens.ts";

const kinds = {
  confirmed: [NotificationKind.ORDER_CONFIRMED, "Order confirmed"],
  cancelled: [NotificationKind.ORDER_CANCELLED, "Order cancelled"],
  stock: [NotificationKind.STOCK_LOW, "Stock low"],
  test: [NotificationKind.TEST, "Test"],
} as const;

const pageSize = 50;
/** How often pending notifications are reloaded, in milliseconds: the live stream does not report when they are sent. */
const pendingMs = 2_000;

const read = signal<readonly Notification[] | undefined>(undefined);
const nextPageToken = signal("");
const error = signal<unknown>(undefined);

function wantedKind(): NotificationKind {
  return kinds[route.value.params.get("kind") as keyof typeof kinds]?.[0] ?? NotificationKind.UNSPECIFIED;
}

async function readPage(pageToken = ""): Promise<void> {
  try {
    const userId = isAdmin() ? "" : (signIn.value?.userId ?? "");
    const page = await parley.notifications.listNotifications({ userId, kind: wantedKind(), pageSize, pageToken });
    read.value = pageToken === "" ? page.notifications : [...(read.value ?? []), ...page.notifications];
    nextPageToken.value = page.nextPageToken;
    error.value = undefined;
  } catch (failure) {
    error.value = failure;
  }
}

/** The loaded notifications, with newer ones from the live stream first. A loaded one has the latest state. */
const shown = computed(() => {
  const kind = wantedKind();
  const known = new Map((read.value ?? []).map((notification) => [notification.id, notification]));
  const live = written.value.filter(
    (notification) => !known.has(notification.id) && (kind === 0 || notification.kind === kind),
  );
  return [...live, ...known.values()];
});

export function NotificationList(): JSX.Element {
  const kind = route.value.params.get("kind") ?? "";
  const ready = session.value !== undefined && (!session.value.signIn || signIn.value !== undefined);
  useEffect(() => {
    if (ready) {
      void readPage();
    }
  }, [kind, ready]);
  const waits = shown.value.some(({ state }) => state === NotificationState.PENDING);
  useEffect(() => {
    if (waits) {
      const timer = setInterval(() => void readPage(), pendingMs);
      return () => clearInterval(timer);
    }
    return undefined;
  }, [waits]);
  if (!ready) {
    return (
      <Empty icon="notifications" title="Notifications belong to a user">
        <button type="button" class="button main" onClick={() => askToSignIn()}>
          Sign in to see yours
        </button>
      </Empty>
    );
  }
  return (
    <section class="panel" aria-label="Notifications">
      <header>
        <h2>Newest first</h2>
        <Field label="Kind">
          {(id) => (
            <select id={id} value={kind} onChange={(event) => setParams({ kind: event.currentTarget.value })}>
              <option value="">All</option>
              {Object.entries(kinds).map(([name, [, label]]) => (
                <option key={name} value={name}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
      </header>
      {error.value === undefined ? null : <Failure error={error.value} />}
      {shown.value.length === 0 && read.value !== undefined ? (
        <Empty icon="notifications" title="No notifications yet">
          <span>Place an order to send its buyer a notification.</span>
        </Empty>
      ) : (
        <ul class="messages">
          {shown.value.map((notification) => (
            <Message key={notification.id} notification={notification} />
          ))}
        </ul>
      )}
      {nextPageToken.value === "" ? null : (
        <div class="list-note">
          <button type="button" class="button" onClick={() => void readPage(nextPageToken.value)}>
            Older notifications
          </button>
        </div>
      )}
    </section>
  );
}

function Message({ notification }: { readonly notification: Notification }): JSX.Element {
  const { id, subject, body, recipient, createTime, orderId } = notification;
  return (
    <li class="arrived" data-notification={id}>
      <details>
        <summary>
          <span class="message-subject">{subject}</span>
          <NotificationStateBadge state={notification.state} />
          <span class="small muted message-to">{recipient}</span>
          <span class="small muted tabular">{timeText(msOf(createTime))}</span>
        </summary>
        <pre class="code">{body}</pre>
        {orderId === "" ? null : (
          <p class="row small muted">
            Order {shortId(orderId)} <OrderCallsLink id={orderId} />
          </p>
        )}
      </details>
    </li>
  );
}

const stateLooks: Readonly<Record<NotificationState, readonly [string, string]>> = {
  [NotificationState.UNSPECIFIED]: ["", "Unknown"],
  [NotificationState.PENDING]: ["warn", "Pending"],
  [NotificationState.SENT]: ["good", "Sent"],
  [NotificationState.FAILED]: ["bad", "Failed"],
};

export function NotificationStateBadge({ state }: { readonly state: NotificationState }): JSX.Element {
  const [kind, text] = stateLooks[state] ?? ["", String(state)];
  return <span class={`badge ${kind}`}>{text}</span>;
}
