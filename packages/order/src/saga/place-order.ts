import type { Clock } from "@parley/rpc";
import { asConfirmed, type Order, placeOrder } from "../order.ts";
import {
  ContendedError,
  DependencyError,
  OrderRefusedError,
  RequestIdReusedError,
  TooManyOrdersError,
} from "../order-errors.ts";
import { addUp, type OrderLine, sameLines } from "../order-line.ts";
import type { OrderStore } from "../order-store.ts";
import type { Buyers } from "./buyers.ts";
import type { InTurn } from "./in-turn.ts";
import type { OrderRequest } from "./order-request.ts";
import { leaseMs, type OrderSaga } from "./order-saga.ts";
import type { SagaCall } from "./saga-call.ts";

/**
 * The most orders in progress. There may be more than calls in flight, since an order continues when its caller disconnects. The limit
 * prevents that disconnecting callers fill the memory.
 */
export const ordersInProgressMax = 4_096;
/** How often a request is reread because another process or recovery changed its order. More means contention. */
const roundsMax = 3;
/** The least remaining time of a caller. With less, the call fails at once: it would not suffice to reserve and to commit. */
const startMsMin = 10;

export interface PlaceOrderOptions {
  readonly store: OrderStore;
  readonly buyers: Buyers;
  readonly saga: OrderSaga;
  readonly inTurn: InTurn;
  readonly clock: Clock;
  readonly newId: () => string;
}

/**
 * Places orders: returns the order as it was confirmed. The same request id of the same buyer gets the same order, whether it
 * arrives during the first request, after it, or after a crash in between. Throws {@link OrderRefusedError},
 * {@link ProductNotFoundError}, {@link UserNotFoundError}, {@link UserNotAllowedError}, {@link RequestIdReusedError},
 * {@link DependencyError}, {@link ContendedError}, {@link TooManyOrdersError}.
 */
export function createPlaceOrder(
  options: PlaceOrderOptions,
): (request: OrderRequest, call: SagaCall) => Promise<Order> {
  const { store, buyers, saga, inTurn, clock, newId } = options;
  const inProgress = new Map<string, InProgress>();
  let inProgressCount = 0;

  function place({ userId, guestEmail = "", items, requestId }: OrderRequest, call: SagaCall): Promise<Order> {
    const request: MergedRequest = { userId, guestEmail, lines: addUp(items), requestId };
    if (requestId === undefined) return counted(() => drive(request, call));
    const key = JSON.stringify([userId, requestId]);
    const first = inProgress.get(key);
    if (first !== undefined) return join(first, request, requestId);
    const answer = counted(() => drive(request, call));
    inProgress.set(key, { request, answer });
    const forget = () => inProgress.delete(key);
    answer.then(forget, forget);
    return answer;
  }

  async function counted(work: () => Promise<Order>): Promise<Order> {
    if (inProgressCount >= ordersInProgressMax) throw new TooManyOrdersError(ordersInProgressMax);
    inProgressCount++;
    try {
      return await work();
    } finally {
      inProgressCount--;
    }
  }

  async function drive(request: MergedRequest, call: SagaCall): Promise<Order> {
    let known: Order | undefined;
    for (let round = 0; round < roundsMax; round++) {
      known = await ofRequest(request);
      const order = known === undefined ? await begin(request, call) : await resume(known, request, call);
      const answer = order === undefined ? undefined : answerOf(order);
      if (answer !== undefined) return answer;
    }
    throw new ContendedError(known?.id ?? "");
  }

  async function ofRequest({ userId, requestId }: MergedRequest): Promise<Order | undefined> {
    return requestId === undefined ? undefined : await store.getByRequest(userId, requestId);
  }

  /** Undefined if another process was faster with the same request. */
  async function begin(request: MergedRequest, call: SagaCall): Promise<Order | undefined> {
    const { userId, lines, requestId } = request;
    const isGuest = userId === "";
    const buyer = isGuest ? { name: "", email: request.guestEmail } : await buyers.get(userId, call);
    const { name: userName, email: userEmail } = buyer;
    if (call.remainingMs() < startMsMin) {
      throw new DependencyError(isGuest ? "product service" : "user service", "timed-out");
    }
    const order = placeOrder({ id: newId(), userId, userName, userEmail, lines, requestId }, clock.now());
    return await inTurn.run(order.id, async () => {
      const inserted = await store.insert(order, leaseOf(call));
      return inserted ? await saga.reserve(order, call, "new") : undefined;
    });
  }

  /** The order's lease for this call. */
  function leaseOf(call: SagaCall): number {
    return call.remainingMs() + leaseMs;
  }

  /** Undefined if the order was deleted. */
  async function resume(known: Order, request: MergedRequest, call: SagaCall): Promise<Order | undefined> {
    const { userId, guestEmail, lines, requestId = "" } = request;
    // A user's address may have changed since; a guest's is part of the request.
    const sameGuest = userId !== "" || known.userEmail === guestEmail;
    if (!sameGuest || !sameLines(known.items, lines)) throw new RequestIdReusedError(requestId);
    if (known.phase !== "RESERVING" && known.phase !== "RELEASING") return known;
    return await inTurn.run(known.id, async () => {
      const order = await store.get(known.id);
      if (order?.phase === "RESERVING") {
        // Another process may be reserving for it too, so its outcome is not this call's alone.
        return (await store.join(order, leaseOf(call))) ? await saga.reserve(order, call, "resumed") : undefined;
      }
      if (order?.phase === "RELEASING") return await saga.release(order, call);
      return order;
    });
  }

  return place;
}

interface MergedRequest {
  readonly userId: string;
  readonly guestEmail: string;
  readonly lines: readonly OrderLine[];
  readonly requestId: string | undefined;
}

interface InProgress {
  readonly request: MergedRequest;
  readonly answer: Promise<Order>;
}

async function join(first: InProgress, { guestEmail, lines }: MergedRequest, requestId: string): Promise<Order> {
  if (first.request.guestEmail !== guestEmail || !sameLines(first.request.lines, lines)) {
    throw new RequestIdReusedError(requestId);
  }
  return await first.answer;
}

/** The answer to each repetition of the request. Undefined if the request is to be retried. */
function answerOf(order: Order): Order | undefined {
  switch (order.phase) {
    case "CONFIRMED":
    case "CANCELLING":
    case "CANCELLED":
      return asConfirmed(order);
    case "REFUSED":
    case "REJECTED":
      if (order.refusal === undefined) return undefined;
      throw new OrderRefusedError(order.id, order.refusal);
    default:
      return undefined;
  }
}
