/** Units of one product. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** An order as a client sees it, without what changes with its state. */
export interface OrderFacts {
  readonly id: string;
  readonly userId: string;
  readonly lines: readonly Line[];
  /** The sum, as text. */
  readonly total: string;
}

/** An order that a buyer asked for, and what the buyer knows of it. */
export interface OrderRequest {
  /** Tells this request's orders from all others: their lines say it, see {@link serialLines}. */
  readonly number: number;
  readonly userId: string;
  /** All lines, the serial ones included. */
  readonly lines: readonly Line[];
  /** Without one the buyer tries once and never learns what became of a try that failed. */
  readonly requestId?: string;
  /** The tries that ended without a clear answer. */
  failedTries: number;
  /** What was acknowledged, each time that it was. */
  readonly answers: OrderFacts[];
  /** The reason of a refusal that is final. */
  refusal?: string;
  /** How far the buyer got with taking the order back. */
  cancel: "no" | "asked" | "acknowledged";
}

/** Units that the shop added. */
export interface Restock {
  readonly productId: string;
  readonly delta: number;
  readonly requestId: string;
  acknowledged: boolean;
}

/** All that the clients did and were told: what the platform is held to. */
export interface Ledger {
  readonly requests: OrderRequest[];
  readonly restocks: Restock[];
  /** Returns that no fault explains. */
  readonly unexpected: string[];
}

/** The products that carry a request's number in their quantities. An order does not show its request id. */
export interface SerialProducts {
  readonly low: string;
  readonly high: string;
}

/** The largest quantity of a line (order/v1, CreateOrderItem.quantity), so as many numbers as a line can tell apart. */
const quantityMax = 10_000;

/** The lines that carry a number. */
export function serialLines(number: number, { low, high }: SerialProducts): readonly Line[] {
  return [
    { productId: low, quantity: 1 + (number % quantityMax) },
    { productId: high, quantity: 1 + Math.floor(number / quantityMax) },
  ];
}

/** The number that an order's lines carry, undefined if none. */
export function serialNumber(lines: readonly Line[], { low, high }: SerialProducts): number | undefined {
  const quantityOf = (id: string) => lines.find(({ productId }) => productId === id)?.quantity;
  const [lowQuantity, highQuantity] = [quantityOf(low), quantityOf(high)];
  return lowQuantity === undefined || highQuantity === undefined
    ? undefined
    : lowQuantity - 1 + (highQuantity - 1) * quantityMax;
}

export function newLedger(): Ledger {
  return { requests: [], restocks: [], unexpected: [] };
}

/** Whether nothing more can be learned by asking again. */
export function isAnswered({ answers, refusal, requestId, failedTries, cancel }: OrderRequest): boolean {
  if (cancel === "asked") return false;
  return answers.length > 0 || refusal !== undefined || (requestId === undefined && failedTries > 0);
}

/** So many unexpected answers end a run: more would only repeat them. */
const unexpectedMax = 20;

/** Whether going on would show nothing new. */
export function isHopeless({ unexpected }: Ledger): boolean {
  return unexpected.length >= unexpectedMax;
}
