import { type Order, OrderState } from "@parley/gen/order/v1/order_pb.js";
import type { Randomness } from "../world/randomness.ts";
import type { World } from "../world/world.ts";
import type { Ledger, OrderAnswer, OrderCall, Wanted } from "./ledger.ts";
import { createPerson, type Person, pause } from "./person.ts";
import { productIds } from "./products.ts";
import { untilAnswered } from "./until-answered.ts";

export interface BuyerOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly userId: string;
  readonly habits: Habits;
}

/** The behaviour of the users in one seed. */
export interface Habits {
  /** The number of orders of each buyer. */
  readonly orderCount: number;
  /** The longest wait between two orders of a buyer, in milliseconds. */
  readonly thinkMsMax: number;
  /** The product that all buyers prefer. */
  /** The probability that a buyer places the next order without waiting for the last one. */
  readonly rush: number;
  readonly favourite: string;
}

export function drawHabits(random: Randomness): Habits {
  return {
    orderCount: random.whole(2, 5),
    thinkMsMax: random.pick([20, 500, 1_500]),
    rush: random.pick([0.1, 0.3, 0.9]),
    favourite: random.pick(productIds),
  };
}

/** The share of orders that a buyer places without signing in (GUEST_ORDERS). */
const guestShare = 0.2;

interface Request {
  /** Empty for a guest. */
  readonly userId: string;
  readonly guestEmail: string;
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly requestId: string;
}

/** Places, cancels, repeats and abandons orders. Returns once every request has a response. */
export async function buy({ world, ledger, userId, habits }: BuyerOptions): Promise<void> {
  const random = world.random.fork(`buyer ${userId}`);
  const person = createPerson(world, `buyer-${userId}`);
  const other = createPerson(world, `buyer-${userId}-tablet`);
  const loose: Promise<unknown>[] = [];

  async function order(request: Request, by: Person = person): Promise<OrderCall> {
    const call: OrderCall = {
      userId: request.userId,
      guestEmail: request.guestEmail,
      requestId: request.requestId,
      wanted: wantedOf(request),
      startMs: world.time.monotonic(),
      endMs: 0,
      answer: { kind: "unknown" },
    };
    ledger.orders.push(call);
    const who = request.userId === "" ? `${by.name}, as a guest,` : by.name;
    const what = `${who} order ${request.requestId || "without id"} ${JSON.stringify(call.wanted)}`;
    const repeats = request.requestId !== "";
    const create = () => by.orders.createOrder({ ...request, items: [...request.items] });
    const outcome = await untilAnswered(create, { world, ledger, what, repeats });
    call.endMs = world.time.monotonic();
    if (outcome.kind === "refusal") call.answer = { ...outcome, kind: "refused" };
    else if (outcome.kind === "answer") call.answer = answerOf(outcome.answer.order, what, ledger);
    return call;
  }

  async function cancel(orderId: string, etag: string): Promise<void> {
    const cancellation = { orderId, isAnswered: false, endMs: 0 };
    ledger.cancellations.push(cancellation);
    const what = `${person.name} cancel ${orderId}`;
    const call = () => person.orders.cancelOrder({ orderId: orderId, reason: "changed my mind", etag });
    const outcome = await untilAnswered(call, { world, ledger, what, repeats: true });
    cancellation.endMs = world.time.monotonic();
    if (outcome.kind === "refusal") {
      if (!ledger.ordersInDoubt.has(orderId)) ledger.strange.push(`${what}: ${outcome.reason}`);
    } else if (outcome.kind === "answer") {
      cancellation.isAnswered = outcome.answer.order?.state === OrderState.CANCELLED;
      if (!cancellation.isAnswered) ledger.strange.push(`${what}: answered in another state`);
    }
  }

  async function look(): Promise<void> {
    const startMs = world.time.monotonic();
    const known = ledger.orders.flatMap(({ answer }) => (answer.kind === "confirmed" ? [answer.order.id] : []));
    if (known.length === 0) return;
    const id = random.pick(known);
    const what = `${person.name} looks at ${id}`;
    const outcome = await untilAnswered(() => person.orders.getOrder({ orderId: id }), {
      world,
      ledger,
      what,
      repeats: true,
    });
    if (outcome.kind === "refusal") {
      if (!ledger.ordersInDoubt.has(id)) ledger.strange.push(`${what}: ${outcome.reason}`);
    } else if (outcome.kind === "answer" && outcome.answer.order !== undefined) {
      ledger.reads.push({ order: outcome.answer.order, startMs });
    }
  }

  async function afterwards(request: Request, first: OrderCall): Promise<void> {
    if (random.chance(0.2)) await look();
    if (first.answer.kind === "confirmed" && random.chance(0.4)) {
      const { id, etag } = first.answer.order;
      const again = random.chance(0.2) ? cancel(id, "") : undefined;
      await Promise.all([cancel(id, random.chance(0.3) ? etag : ""), again]);
    }
    if (request.requestId !== "" && random.chance(0.35)) {
      await pause(world, 3_000);
      await order(request);
    }
    if (request.requestId !== "" && random.chance(0.15)) await order(another(request, random));
  }

  for (let count = 0; count < habits.orderCount; count++) {
    await pause(world, habits.thinkMsMax);
    const request = drawRequest(random, { userId, requestId: person.newId(), favourite: habits.favourite });
    const copy = request.requestId !== "" && random.chance(0.25) ? order(request, other) : undefined;
    const contrary =
      request.requestId !== "" && random.chance(0.05) ? order(another(request, random), other) : undefined;
    const done = order(request).then((first) => afterwards(request, first));
    if (random.chance(habits.rush)) loose.push(done, copy ?? done, contrary ?? done);
    else await Promise.all([done, copy, contrary]);
  }
  await Promise.all(loose);
}

function answerOf(order: Order | undefined, what: string, ledger: Ledger): OrderAnswer {
  if (order?.state === OrderState.CONFIRMED) return { kind: "confirmed", order };
  ledger.strange.push(`${what}: answered with an order that is not confirmed`);
  return { kind: "unknown" };
}

function drawRequest(
  random: Randomness,
  { userId, requestId, favourite }: Pick<Request, "userId" | "requestId"> & Pick<Habits, "favourite">,
): Request {
  const items = Array.from({ length: random.pick([1, 1, 2, 2, 3, 4]) }, () => ({
    productId: random.chance(0.03) ? "999" : random.pick([favourite, random.pick(productIds)]),
    quantity: random.chance(0.3) ? random.whole(10, 60) : random.whole(1, 5),
  }));
  const [first] = items;
  if (first !== undefined && random.chance(0.25)) items.push({ ...first, quantity: random.whole(1, 30) });
  const buyer = random.chance(guestShare)
    ? { userId: "", guestEmail: random.chance(0.7) ? `guest-of-${userId}@example.com` : "" }
    : { userId: random.chance(0.03) ? "404" : userId, guestEmail: "" };
  return { ...buyer, items, requestId: random.chance(0.85) ? requestId : "" };
}

/** The same request id with different contents. */
function another(request: Request, random: Randomness): Request {
  if (request.userId === "" && random.chance(0.5)) return { ...request, guestEmail: "other-guest@example.com" };
  return {
    ...request,
    items: [...request.items, { productId: random.pick(productIds), quantity: random.whole(1, 5) }],
  };
}

function wantedOf({ items }: Request): Wanted {
  const wanted: Record<string, number> = {};
  for (const { productId, quantity } of items) wanted[productId] = (wanted[productId] ?? 0) + quantity;
  return wanted;
}
