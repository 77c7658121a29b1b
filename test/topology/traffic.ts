import { randomUUID } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { reasonOf } from "@parley/rpc";
import { type Ledger, newLedger, type OrderRequest, type SerialProducts, serialLines } from "../crash/ledger.ts";
import { orderFacts } from "../crash/observation.ts";
import { between, pause } from "../crash/random.ts";
import { eventually } from "../processes/eventually.ts";
import type { Shop } from "./protocols.ts";

/** A buyer: a user with a client. */
export interface Buyer {
  readonly userId: string;
  readonly shop: Shop;
}

/** A try that failed. */
export interface FailedTry {
  /** The protocol, the method and the error. */
  readonly error: string;
  /** Whether it ran into its deadline, which a busy machine explains too. */
  readonly isLate: boolean;
}

/** The outcomes of the calls of a period. */
export interface Period {
  readonly answered: Readonly<Record<string, number>>;
  /** Tries that failed and were retried, with their protocol and error. */
  readonly failedTries: readonly FailedTry[];
  /** Calls without an answer after all tries, and answers that are wrong. */
  readonly lost: readonly string[];
  readonly slowestMs: number;
}

/** Buyers that call continuously. */
export interface Traffic {
  readonly ledger: Ledger;
  /** The outcomes since the last `take`. */
  take(): Period;
  /** Waits until this many more calls were answered. Rejects if that takes too long. */
  untilAnswered(count: number): Promise<void>;
  /** Lets each buyer finish its call. */
  stop(): Promise<void>;
}

/** The longest deadline of a call in the contract, and so a buyer's patience with one try. */
const tryMs = 5_000;
/** For all tries of a call together: longer than a lost host affects calls on a busy machine. */
const allTriesMs = 90_000;
const retryMs = [50, 300] as const;
/** The buyers together stay below the 100 calls a second that the proxy's configuration allows one address. */
const restMs = [300, 700] as const;
const repeatedShare = 0.3;

export interface TrafficOptions {
  readonly buyers: readonly Buyer[];
  readonly productIds: readonly string[];
  readonly serialProducts: SerialProducts;
  readonly random: () => number;
}

/** Each buyer places an order with a request id, reads it, sometimes places it again, and lists products. Every call may be repeated. */
export function startTraffic({ buyers, productIds, serialProducts, random }: TrafficOptions): Traffic {
  const ledger = newLedger();
  const over = new AbortController();
  let period = emptyPeriod();
  let answered = 0;

  async function call<T>(
    what: string,
    tryOnce: (options: { readonly timeoutMs: number }) => Promise<T>,
  ): Promise<T | undefined> {
    const startMs = performance.now();
    for (;;) {
      try {
        const answer = await tryOnce({ timeoutMs: tryMs });
        answered++;
        period.answered[what] = (period.answered[what] ?? 0) + 1;
        period.slowestMs = Math.max(period.slowestMs, performance.now() - startMs);
        return answer;
      } catch (cause) {
        const failure = failureOf(cause);
        const error = `${what} after ${Math.round(performance.now() - startMs)} ms: ${textOf(cause)}`;
        period.failedTries.push({ error, isLate: failure === "late" });
        if (failure === "final" || performance.now() - startMs > allTriesMs) {
          period.lost.push(`${what}: ${textOf(cause)}`);
          return undefined;
        }
        await pause(between(...retryMs, random));
      }
    }
  }

  async function buy({ userId, shop }: Buyer): Promise<void> {
    while (!over.signal.aborted) {
      const number = ledger.requests.length;
      const plain = { productId: productIds[number % productIds.length] ?? "", quantity: between(1, 3, random) };
      const lines = [plain, ...serialLines(number, serialProducts)];
      const request: OrderRequest = {
        number,
        userId,
        lines,
        requestId: randomUUID(),
        failedTries: 0,
        answers: [],
        cancel: "no",
      };
      ledger.requests.push(request);
      await place(request, shop);
      const id = request.answers[0]?.id;
      if (id !== undefined) {
        await call(`${shop.protocol} GetOrder`, (options) => shop.getOrder({ orderId: id }, options));
        if (random() < repeatedShare) await place(request, shop);
      }
      await call(`${shop.protocol} ListProducts`, (options) => shop.listProducts({ pageSize: 10 }, options));
      await pause(between(...restMs, random), over.signal);
    }
  }

  async function place(request: OrderRequest, shop: Shop): Promise<void> {
    const { userId, lines, requestId = "" } = request;
    const body = { userId, items: [...lines], requestId };
    const answer = await call(`${shop.protocol} CreateOrder`, (options) => shop.createOrder(body, options));
    if (answer?.order !== undefined) request.answers.push(orderFacts(answer.order));
  }

  const running = buyers.map(buy);
  return {
    ledger,
    async untilAnswered(count) {
      const enough = answered + count;
      const reached = await eventually(
        async () => answered,
        (now) => now >= enough,
        allTriesMs,
      );
      if (reached < enough)
        throw new Error(`of ${count} calls only ${count - (enough - reached)} were answered in ${allTriesMs} ms`);
    },
    take() {
      const taken = period;
      period = emptyPeriod();
      return taken;
    },
    async stop() {
      over.abort();
      await Promise.all(running);
    },
  };
}

function emptyPeriod() {
  return {
    answered: {} as Record<string, number>,
    failedTries: [] as FailedTry[],
    lost: [] as string[],
    slowestMs: 0,
  };
}

const repeatable: ReadonlySet<Code> = new Set([Code.Unavailable, Code.ResourceExhausted, Code.Aborted]);

/** Whether a failed try may be made again. A deadline that passes says nothing about the service on a busy machine, and is counted apart. */
function failureOf(cause: unknown): "late" | "again" | "final" {
  const { name } = cause as Error;
  const { code } = ConnectError.from(cause);
  if (code === Code.DeadlineExceeded || name === "TimeoutError" || code === Code.Canceled) return "late";
  // Stock clients report a lost connection as UNKNOWN or INTERNAL, and fetch as a TypeError.
  const isLostConnection =
    cause instanceof TypeError || (ConnectError.from(cause).cause as { code?: string })?.code !== undefined;
  return repeatable.has(code) || isLostConnection ? "again" : "final";
}

function textOf(cause: unknown): string {
  const error = ConnectError.from(cause);
  const { reason = "" } = reasonOf(error) ?? {};
  const inner =
    error.cause instanceof Error
      ? ` (${error.cause.message}${error.cause.cause instanceof Error ? `: ${error.cause.cause.message}` : ""})`
      : "";
  return `${Code[error.code]} ${reason} ${error.rawMessage}${inner}`.slice(0, 400);
}
