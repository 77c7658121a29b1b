/** Units of a product. */
export interface Line {
  readonly productId: string;
  readonly quantity: number;
}

/** The parts of an order that do not change with its state. */
export interface OrderFacts {
  readonly id: string;
  readonly userId: string;
  readonly lines: readonly Line[];
  /** The total price, as text. */
  readonly total: string;
}

/** A buyer's request for an order, and its outcome so far. */
export interface OrderRequest {
  /** Identifies the orders of this request: their lines encode it, see {@link serialLines}. */
  readonly number: number;
  readonly userId: string;
  /** All lines, including the serial ones. */
  readonly lines: readonly Line[];
  /** Without a request id the buyer does not retry, and never learns the outcome of a failed attempt. */
  readonly requestId?: string;
  /** The number of attempts without a clear outcome. */
  failedTries: number;
  /** The acknowledged orders, one for each response. */
  readonly answers: OrderFacts[];
  /** The reason of a final refusal. */
  refusal?: string;
  /** The state of the cancellation. */
  cancel: "no" | "asked" | "acknowledged";
}

/** Units that the shop added. */
export interface Restock {
  readonly productId: string;
  readonly delta: number;
  readonly requestId: string;
  acknowledged: boolean;
}

/** All requests and responses of the clients: the checks compare the platform with it. */
export interface Ledger {
  readonly requests: OrderRequest[];
  readonly restocks: Restock[];
  /** Responses that no injected fault explains. */
  readonly unexpected: string[];
}

/** Products whose quantities encode a request's number. Orders do not expose their request id. */
export interface SerialProducts {
  readonly low: string;
  readonly high: string;
}

/** The maximum quantity of a line (order/v1, CreateOrderItem.quantity), and so the number of values that a line can encode. */
const quantityMax = 10_000;

/** The lines that encode a number. */
export function serialLines(number: number, { low, high }: SerialProducts): readonly Line[] {
  return [
    { productId: low, quantity: 1 + (number % quantityMax) },
    { productId: high, quantity: 1 + Math.floor(number / quantityMax) },
  ];
}

/** The number that an order's lines encode. Undefined if there is none. */
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

/** Whether a retry would return nothing new. */
export function isAnswered({ answers, refusal, requestId, failedTries, cancel }: OrderRequest): boolean {
  if (cancel === "asked") return false;
  return answers.length > 0 || refusal !== undefined || (requestId === undefined && failedTries > 0);
}

/** This many unexpected responses end a run: further ones would repeat them. */
const unexpectedMax = 20;

/** Whether to end the run early. */
export function isHopeless({ unexpected }: Ledger): boolean {
  return unexpected.length >= unexpectedMax;
}
