/** The promises that are checked (DESIGN, section 5). */
export type Invariant =
  /** Available and reserved and sold together change by restocks only. */
  | "stock-balance"
  /** Nothing is sold that is not there. */
  | "stock-negative"
  /** An order is confirmed exactly if its stock is set aside. */
  | "reservation"
  /** What a buyer was told of an order holds. */
  | "acknowledged"
  /** A request is one order. */
  | "request-id"
  /** What happened is told once, and nothing else is told. */
  | "notification"
  /** What is told reaches the right one, in the right words, and no more often than must be. */
  | "mail"
  /** What is told of an order is what became of it, in order. */
  | "events"
  /** Everything begun comes to its end. */
  | "unfinished"
  /** A buyer is refused only for a reason. */
  | "refusal"
  /** No service answers that it is broken, or ends by itself. */
  | "broken";

/** A promise that was broken. */
export interface Violation {
  readonly invariant: Invariant;
  readonly message: string;
}
