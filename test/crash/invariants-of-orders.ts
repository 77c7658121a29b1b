import type { Evidence } from "./evidence.ts";
import { type Line, type OrderFacts, type OrderRequest, serialNumber } from "./ledger.ts";
import type { Observation, SeenOrder } from "./observation.ts";

/** The orders after the first observation. */
export function newOrders({ before, after }: Pick<Evidence, "before" | "after">): readonly SeenOrder[] {
  const known = new Set(before.orders.map(({ id }) => id));
  return after.orders.filter(({ id }) => !known.has(id));
}

/** Whether the order was ever confirmed: it holds stock, or held it until it was cancelled. */
export function wasConfirmed({ state }: Pick<SeenOrder, "state">): boolean {
  return state === "CONFIRMED" || state === "CANCELLED";
}

/** Each acknowledged order exists unchanged, in a state that its buyer's calls explain. */
export function checkAcknowledged({ ledger, after }: Pick<Evidence, "ledger" | "after">): readonly string[] {
  const orders = byId(after);
  return ledger.requests.flatMap((request) =>
    request.answers.flatMap((answer) => {
      const order = orders.get(answer.id);
      if (order === undefined)
        return [`${requestText(request)} was acknowledged as ${answer.id}, which does not exist`];
      const wrong = [...differences(request, answer, order), ...wrongState(request, order)];
      return wrong.map((what) => `${requestText(request)} was acknowledged as ${answer.id}, ${what}`);
    }),
  );
}

/** A successful request has one order, a refused request has none, and every order has a request. */
export function checkOncePerRequest(evidence: Evidence): readonly string[] {
  const requests = new Map(evidence.ledger.requests.map((request) => [request.number, request]));
  const found: string[] = [];
  const standing = new Map<number, string[]>();
  for (const order of newOrders(evidence)) {
    const number = serialNumber(order.lines, evidence.serialProducts);
    if (number === undefined || !requests.has(number)) {
      found.push(`order ${order.id} (${order.state}) has no request`);
    } else if (wasConfirmed(order)) {
      standing.set(number, [...(standing.get(number) ?? []), order.id]);
    }
  }
  for (const request of requests.values()) {
    const ids = new Set([...(standing.get(request.number) ?? []), ...request.answers.map(({ id }) => id)]);
    if (ids.size > 1) found.push(`${requestText(request)} has the orders ${[...ids].join(", ")}`);
    if (ids.size > 0 && request.refusal !== undefined) {
      found.push(`${requestText(request)} was refused (${request.refusal}) and has the order ${[...ids].join(", ")}`);
    }
    if (request.requestId !== undefined && ids.size === 0 && request.refusal === undefined) {
      found.push(`${requestText(request)} was retried until the end and never answered`);
    }
  }
  const listed = evidence.after.orders.map(({ id }) => id);
  return [...found, ...twice(listed).map((id) => `order ${id} is listed twice`)];
}

/** Every saga has finished. */
export function checkSettled({ after }: Pick<Evidence, "after">): readonly string[] {
  return after.orders
    .filter(({ state }) => state === "PENDING" || state === "UNSPECIFIED")
    .map(({ id, state }) => `order ${id} is ${state}`);
}

/** The values that occur more than once, each listed once. */
export function twice<T>(values: readonly T[]): readonly T[] {
  const seen = new Set<T>();
  return [...new Set(values.filter((value) => seen.size === seen.add(value).size))];
}

function differences(request: OrderRequest, answer: OrderFacts, order: SeenOrder): readonly string[] {
  const asked = text(request);
  return [
    ...(text(answer) === asked ? [] : [`but with ${text(answer)} instead of ${asked}`]),
    ...(text(order) === asked ? [] : [`and has ${text(order)} instead of ${asked}`]),
    ...(order.total === answer.total ? [] : [`at ${answer.total}, and costs ${order.total}`]),
  ];
}

function wrongState({ cancel }: OrderRequest, { state }: SeenOrder): readonly string[] {
  const right = { no: ["CONFIRMED"], asked: ["CONFIRMED", "CANCELLED"], acknowledged: ["CANCELLED"] }[cancel];
  return right.includes(state) ? [] : [`and is ${state} (cancelled by its buyer: ${cancel})`];
}

function text({ userId, lines }: { readonly userId: string; readonly lines: readonly Line[] }): string {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  const items = [...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([id, quantity]) => `${quantity} of ${id}`);
  return `${items.join(", ")} for user ${userId}`;
}

function byId({ orders }: Observation): ReadonlyMap<string, SeenOrder> {
  return new Map(orders.map((order) => [order.id, order]));
}

function requestText({ number, requestId, failedTries }: OrderRequest): string {
  return `request ${number} (${requestId ?? "no request id"}, ${failedTries} failed tries)`;
}
