import { addMoney, type Money, multiplyMoney, type Order, type Product } from "@parley/client";
import { computed, signal } from "@preact/signals";
import { products } from "../live/products.ts";
import { users } from "../live/users.ts";
import { newId, parley, tracedCall } from "../session/api.ts";
import { signIn } from "../session/tokens.ts";

/** Quantities by product id. */
export const basket = signal<ReadonlyMap<string, number>>(new Map());

/** The maximum quantity of a line (CreateOrderItem.quantity). */
export const quantityMax = 10_000;

/** The buyer: the id of the selected user, if sign-in is off. */
const chosenBuyer = signal<string | undefined>(undefined);

export const buyerId = computed(() => signIn.value?.userId ?? chosenBuyer.value ?? users.value?.[0]?.id ?? "");

export function chooseBuyer(id: string): void {
  chosenBuyer.value = id;
}

export function setQuantity(productId: string, quantity: number): void {
  const next = new Map(basket.value);
  if (quantity <= 0) {
    next.delete(productId);
  } else {
    next.set(productId, Math.min(Math.floor(quantity), quantityMax));
  }
  basket.value = next;
}

export interface BasketLine {
  readonly product: Product;
  readonly quantity: number;
}

export const lines = computed<readonly BasketLine[]>(() =>
  [...basket.value].flatMap(([id, quantity]) => {
    const product = products.value?.get(id);
    return product === undefined ? [] : [{ product, quantity }];
  }),
);

/** The sum of the lines for each currency. */
export const totals = computed<readonly Money[]>(() => {
  const sums = new Map<string, Money>();
  for (const { product, quantity } of lines.value) {
    if (product.price !== undefined) {
      const line = multiplyMoney(product.price, quantity);
      const sum = sums.get(line.currencyCode);
      sums.set(line.currencyCode, sum === undefined ? line : addMoney(sum, line));
    }
  }
  return [...sums.values()];
});

/** A sent order request, kept to send the same request again. */
export interface SentOrder {
  readonly requestId: string;
  readonly userId: string;
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  /** The trace id of each attempt. */
  readonly traceIds: readonly string[];
  /** The order in each response. */
  readonly answers: readonly Order[];
  readonly error?: unknown;
}

export const sent = signal<SentOrder | undefined>(undefined);

/** Sends the basket as an order. The request id makes the request idempotent: retrying a lost one creates no second order. */
export async function placeOrder(): Promise<void> {
  const items = [...basket.value].map(([productId, quantity]) => ({ productId, quantity }));
  await send({ requestId: newId(), userId: buyerId.value, items, traceIds: [], answers: [] });
}

/** Sends the last request again, with the same request id and body. */
export async function sendAgain(): Promise<void> {
  if (sent.value !== undefined) {
    await send(sent.value);
  }
}

async function send(order: SentOrder): Promise<void> {
  const { traceId, options } = tracedCall();
  const { requestId } = order;
  const { error: _before, ...rest } = order;
  const next: SentOrder = { ...rest, traceIds: [...order.traceIds, traceId] };
  sent.value = next;
  try {
    const { userId, items } = order;
    const { order: answer } = await parley.orders.createOrder({ userId, requestId, items: [...items] }, options);
    change(requestId, ({ answers }) => ({ answers: answer === undefined ? answers : [...answers, answer] }));
    if (isBasket(items)) {
      basket.value = new Map();
    }
  } catch (error) {
    change(requestId, () => ({ error }));
  }
}

/** Whether the basket still contains the items of the request: the user may have changed it after a refusal. */
function isBasket(items: SentOrder["items"]): boolean {
  return (
    basket.value.size === items.length &&
    items.every(({ productId, quantity }) => basket.value.get(productId) === quantity)
  );
}

/** Several attempts may be in flight: each merges its results with the others'. Those of an earlier order are ignored. */
function change(requestId: string, changes: (order: SentOrder) => Partial<SentOrder>): void {
  const { value } = sent;
  if (value?.requestId === requestId) {
    sent.value = { ...value, ...changes(value) };
  }
}
