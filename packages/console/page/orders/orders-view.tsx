import { type Order, OrderState } from "@parley/client";
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { liveOrder, orderChanges } from "../live/orders.ts";
import { readUsers, users } from "../live/users.ts";
import { Empty } from "../parts/empty.tsx";
import { Failure } from "../parts/failure.tsx";
import { Field } from "../parts/field.tsx";
import { msOf, price, shortId, timeText } from "../parts/format.ts";
import { PageHead } from "../parts/page-head.tsx";
import { linkTo, route, setParams } from "../route.ts";
import { parley } from "../session/api.ts";
import { isAdmin, session } from "../session/session.ts";
import { askToSignIn } from "../session/sign-in.tsx";
import { signIn } from "../session/tokens.ts";
import { CancelButton } from "../shop/order-life.tsx";
import { OrderCallsLink } from "./order-calls-link.tsx";
import { OrderStateBadge } from "./order-state.tsx";

const pageSize = 25;

const orders = signal<readonly Order[] | undefined>(undefined);
const nextPageToken = signal("");
const error = signal<unknown>(undefined);
/** The value of `orderChanges` when the list was loaded: the list is stale if it has changed. */
const readAt = signal(0);

const states = {
  pending: OrderState.PENDING,
  confirmed: OrderState.CONFIRMED,
  cancelled: OrderState.CANCELLED,
  rejected: OrderState.REJECTED,
} as const;

async function read(pageToken = ""): Promise<void> {
  const { params } = route.value;
  const userId = isAdmin() ? (params.get("user") ?? "") : (signIn.value?.userId ?? "");
  const state = states[params.get("state") as keyof typeof states] ?? OrderState.UNSPECIFIED;
  const before = orderChanges.value;
  try {
    const page = await parley.orders.listOrders({ userId, state, pageSize, pageToken });
    orders.value = pageToken === "" ? page.orders : [...(orders.value ?? []), ...page.orders];
    nextPageToken.value = page.nextPageToken;
    error.value = undefined;
    readAt.value = before;
  } catch (failure) {
    error.value = failure;
  }
}

export function OrdersView(): JSX.Element {
  const { params } = route.value;
  const [state, user] = [params.get("state") ?? "", params.get("user") ?? ""];
  const ready = session.value !== undefined && (!session.value.signIn || signIn.value !== undefined);
  useEffect(() => {
    if (ready) {
      void read();
      if (users.value === undefined) {
        void readUsers();
      }
    }
  }, [state, user, ready]);
  const newer = orderChanges.value - readAt.value;
  return (
    <div class="page">
      <PageHead title="Orders" text="Newest first. States are updated live.">
        <div class="row">
          {isAdmin() ? (
            <Field label="Buyer">
              {(id) => (
                <select id={id} value={user} onChange={(event) => setParams({ user: event.currentTarget.value })}>
                  <option value="">All</option>
                  {users.value?.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          ) : null}
          <Field label="State">
            {(id) => (
              <select id={id} value={state} onChange={(event) => setParams({ state: event.currentTarget.value })}>
                <option value="">All</option>
                {Object.keys(states).map((name) => (
                  <option key={name} value={name}>
                    {name[0]?.toUpperCase() + name.slice(1)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
      </PageHead>
      {ready ? (
        <section class="panel" aria-label="Orders">
          {newer > 0 && orders.value !== undefined ? (
            <div class="list-note">
              <button type="button" class="button small" onClick={() => void read()}>
                Show newer changes ({newer})
              </button>
            </div>
          ) : null}
          {error.value === undefined ? null : <Failure error={error.value} />}
          <OrderTable />
        </section>
      ) : (
        <Empty icon="orders" title="Orders belong to a user">
          <button type="button" class="button main" onClick={() => askToSignIn()}>
            Sign in to see yours
          </button>
        </Empty>
      )}
    </div>
  );
}

function OrderTable(): JSX.Element | null {
  const { value } = orders;
  if (value === undefined) {
    return error.value === undefined ? <p class="empty">Reading…</p> : null;
  }
  if (value.length === 0) {
    return (
      <Empty icon="orders" title="No orders here">
        <a href={linkTo("shop")}>Place one in the shop</a>
      </Empty>
    );
  }
  return (
    <>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>Order</th>
              <th>State</th>
              <th>Buyer</th>
              <th>Lines</th>
              <th class="number">Total</th>
              <th>Placed</th>
              <th>
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map((read) => (
              <OrderRow key={read.id} order={liveOrder(read.id) ?? read} />
            ))}
          </tbody>
        </table>
      </div>
      {nextPageToken.value === "" ? null : (
        <div class="list-note">
          <button type="button" class="button" onClick={() => void read(nextPageToken.value)}>
            Older orders
          </button>
        </div>
      )}
    </>
  );
}

function OrderRow({ order }: { readonly order: Order }): JSX.Element {
  return (
    <tr data-order={order.id}>
      <td class="mono" title={order.id}>
        {shortId(order.id)}
      </td>
      <td>
        <OrderStateBadge key={order.state} state={order.state} />
        {order.stateReason === "" ? null : <div class="small muted">{order.stateReason}</div>}
      </td>
      <td>{order.userName || order.userId || "Guest"}</td>
      <td>
        {order.items
          .map(({ productName, productId, quantity }) => `${quantity} × ${productName || productId}`)
          .join(", ")}
      </td>
      <td class="number">{price(order.totalPrice)}</td>
      <td class="tabular">{timeText(msOf(order.createTime))}</td>
      <td class="actions">
        <OrderCallsLink id={order.id} />
        {order.state === OrderState.CONFIRMED ? <CancelButton id={order.id} small /> : null}
      </td>
    </tr>
  );
}
