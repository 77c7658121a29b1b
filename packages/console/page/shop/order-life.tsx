import { OrderState } from "@parley/client";
import type { JSX } from "preact";
import { cancelOrder, liveOrder } from "../live/orders.ts";
import { OrderStateBadge } from "../orders/order-state.tsx";
import { useAction } from "../parts/busy.ts";
import { Failure } from "../parts/failure.tsx";
import { price, shortId } from "../parts/format.ts";
import { linkTo } from "../route.ts";
import { type SentOrder, sendAgain, sent } from "./basket-state.ts";

/** The progress of the last order, live. */
export function OrderLife(): JSX.Element | null {
  const again = useAction(sendAgain);
  const { value } = sent;
  if (value === undefined) {
    return null;
  }
  const answer = value.answers.at(-1);
  const order = answer === undefined ? undefined : (liveOrder(answer.id) ?? answer);
  const trace = value.traceIds.at(-1) ?? "";
  return (
    <section class="panel" aria-label="Your order" aria-live="polite">
      <header>
        <h2>{order === undefined ? "Your order" : `Order ${shortId(order.id)}`}</h2>
        {order === undefined ? null : <OrderStateBadge state={order.state} />}
      </header>
      <div class="body stack">
        {value.error === undefined ? null : <Failure error={value.error} />}
        <Steps state={order?.state ?? OrderState.UNSPECIFIED} failed={value.error !== undefined} />
        {order === undefined ? null : (
          <div class="row apart">
            <span class="muted">Total</span>
            <strong class="tabular">{price(order.totalPrice)}</strong>
          </div>
        )}
        <Repeats sent={value} />
        <div class="row">
          <a class="button" href={linkTo(`trace/${trace}`)}>
            See its calls
          </a>
          <button
            type="button"
            class="button"
            disabled={again.busy.value || (answer === undefined && value.error === undefined)}
            onClick={() => void again.run()}
          >
            Send the same request again
          </button>
          {order?.state === OrderState.CONFIRMED ? <CancelButton id={order.id} /> : null}
        </div>
      </div>
    </section>
  );
}

const steps = [
  { label: "Stored", from: OrderState.PENDING },
  { label: "Stock reserved", from: OrderState.CONFIRMED },
  { label: "Confirmed", from: OrderState.CONFIRMED },
];

function Steps({ state, failed }: { readonly state: OrderState; readonly failed: boolean }): JSX.Element {
  const ended = state === OrderState.CANCELLED || state === OrderState.REJECTED;
  return (
    <ol class="steps">
      {steps.map(({ label, from }) => {
        const done = state >= from && !ended ? "done" : "";
        return (
          <li key={label} class={ended || failed ? "off" : done}>
            {label}
          </li>
        );
      })}
      {ended ? (
        <li class="ended">{state === OrderState.CANCELLED ? "Cancelled, stock released" : "Rejected"}</li>
      ) : null}
    </ol>
  );
}

/** The result of a repeated request: the same order, because it has the same request id. */
function Repeats({ sent: { answers, requestId } }: { readonly sent: SentOrder }): JSX.Element | null {
  if (answers.length < 2) {
    return (
      <p class="small muted">
        Request id <span class="mono">{shortId(requestId)}</span>: sending the same request again creates no second
        order.
      </p>
    );
  }
  const ids = new Set(answers.map(({ id }) => id));
  return (
    <p class="small" data-repeats={answers.length} data-orders={ids.size}>
      Sent {answers.length} times with request id <span class="mono">{shortId(requestId)}</span>:{" "}
      <strong>{ids.size === 1 ? "one order." : `${ids.size} orders, which is an error.`}</strong>
    </p>
  );
}

export function CancelButton({ id, small = false }: { readonly id: string; readonly small?: boolean }): JSX.Element {
  const cancelling = useAction(() => cancelOrder(id));
  return (
    <>
      <button
        type="button"
        class={`button danger ${small ? "small" : ""}`}
        disabled={cancelling.busy.value}
        onClick={() => void cancelling.run()}
      >
        Cancel<span class="unseen"> order {shortId(id)}</span>
      </button>
      {cancelling.error.value === undefined ? null : <Failure error={cancelling.error.value} />}
    </>
  );
}
