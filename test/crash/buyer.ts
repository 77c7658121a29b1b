import { randomUUID } from "node:crypto";
import { attempt } from "./attempt.ts";
import { isAnswered, isHopeless, type Ledger, type OrderRequest, type SerialProducts, serialLines } from "./ledger.ts";
import { orderFacts } from "./observation.ts";
import { between, pause, pick } from "./random.ts";
import type { ShopClient } from "./shop-clients.ts";

/** More than a run places, and far below the largest number that two lines can encode. */
export const requestsMax = 100_000;

/** How long a buyer waits for a response before it retries, in milliseconds: from impatient to beyond the contract's 5 s. */
const patienceMs = [250, 6_000] as const;
const retryMs = [20, 300] as const;
const restMs = [0, 25] as const;

const withoutRequestIdShare = 0.1;
const twiceAtOnceShare = 0.1;
const askAgainShare = 0.1;
const cancelShare = 0.2;
const scarceShare = 0.3;

export interface BuyerOptions {
  readonly ledger: Ledger;
  readonly clients: readonly ShopClient[];
  /** Products with ample stock, bought besides the serial products. */
  readonly plentyIds: readonly string[];
  /** Products that sell out and are restocked. */
  readonly scarceIds: readonly string[];
  readonly serialProducts: SerialProducts;
  readonly random: () => number;
}

/** Places orders until the signal aborts. {@link finish} resolves the orders without a response. */
export async function buy(options: BuyerOptions, signal: AbortSignal): Promise<void> {
  const { ledger, random } = options;
  while (!signal.aborted && ledger.requests.length < requestsMax && !isHopeless(ledger)) {
    const request = newRequest(options);
    ledger.requests.push(request);
    while (!signal.aborted && !isAnswered(request) && !isHopeless(ledger)) {
      await (random() < twiceAtOnceShare && request.requestId !== undefined
        ? Promise.all([place(request, options), place(request, options)])
        : place(request, options));
      if (!isAnswered(request)) await pause(between(...retryMs, random), signal);
    }
    if (request.answers.length > 0) {
      if (request.requestId !== undefined && random() < askAgainShare) await place(request, options);
      if (random() < cancelShare) {
        request.cancel = "asked";
        await finish(request, options, signal);
      }
    }
    await pause(between(...restMs, random), signal);
  }
}

/** Retries until the outcome is clear or the signal aborts. */
export async function finish(request: OrderRequest, options: BuyerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !isAnswered(request) && !isHopeless(options.ledger)) {
    await (request.answers.length > 0 ? cancel(request, options) : place(request, options));
    if (!isAnswered(request)) await pause(between(...retryMs, options.random), signal);
  }
}

/** One attempt to place an order, whatever its outcome so far. */
export async function place(request: OrderRequest, { ledger, clients, random }: BuyerOptions): Promise<void> {
  const { userId, lines, requestId } = request;
  const client = pick(clients, random);
  const items = [...lines];
  const body = requestId === undefined ? { userId, items } : { userId, items, requestId };
  const outcome = await attempt(client.orders.createOrder(body, { timeoutMs: between(...patienceMs, random) }));
  const call = `CreateOrder by ${client.dialect}, request ${request.number}`;
  switch (outcome.kind) {
    case "answered": {
      const { order } = outcome.answer;
      if (order === undefined) ledger.unexpected.push(`${call}: a response without an order`);
      else request.answers.push(orderFacts(order));
      return;
    }
    case "refused":
      if (outcome.reason === "INSUFFICIENT_STOCK") request.refusal = outcome.reason;
      else ledger.unexpected.push(`${call}: refused with ${outcome.reason}`);
      return;
    case "unclear":
      request.failedTries++;
      return;
    case "unexpected":
      request.failedTries++;
      ledger.unexpected.push(`${call}: ${outcome.error}`);
  }
}

async function cancel(request: OrderRequest, { ledger, clients, random }: BuyerOptions): Promise<void> {
  const id = request.answers[0]?.id ?? "";
  const client = pick(clients, random);
  const outcome = await attempt(
    client.orders.cancelOrder(
      { orderId: id, reason: "Changed my mind." },
      { timeoutMs: between(...patienceMs, random) },
    ),
  );
  if (outcome.kind === "answered") {
    request.cancel = "acknowledged";
  } else if (outcome.kind !== "unclear") {
    ledger.unexpected.push(`CancelOrder by ${client.dialect}, order ${id}: ${JSON.stringify(outcome)}`);
  }
}

function newRequest({ ledger, plentyIds, scarceIds, serialProducts, random }: BuyerOptions): OrderRequest {
  const number = ledger.requests.length;
  const bought = () => ({
    productId: pick(random() < scarceShare ? scarceIds : plentyIds, random),
    quantity: between(1, 3, random),
  });
  // Sometimes lists a product twice: the service sums such lines.
  const lines = [...Array.from({ length: between(1, 2, random) }, bought), ...serialLines(number, serialProducts)];
  const withId = random() >= withoutRequestIdShare ? { requestId: randomUUID() } : {};
  const userId = String(between(1, 3, random));
  return { number, userId, lines, ...withId, failedTries: 0, answers: [], cancel: "no" };
}
