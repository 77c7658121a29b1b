import { OrderState } from "@parley/client";
import type { JSX } from "preact";

const looks: Readonly<Record<OrderState, readonly [string, string]>> = {
  [OrderState.UNSPECIFIED]: ["", "Unknown"],
  [OrderState.PENDING]: ["warn", "Pending"],
  [OrderState.CONFIRMED]: ["good", "Confirmed"],
  [OrderState.CANCELLED]: ["", "Cancelled"],
  [OrderState.REJECTED]: ["bad", "Rejected"],
};

export function OrderStateBadge({ state }: { readonly state: OrderState }): JSX.Element {
  const [kind, text] = looks[state] ?? ["", String(state)];
  return <span class={`badge ${kind}`}>{text}</span>;
}
