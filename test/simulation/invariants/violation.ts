/** The invariants that are checked (DESIGN, section 5). */
export type Invariant =
  /** The sum of available, reserved and sold units changes only by restocks. */
  | "stock-balance"
  /** No stock is oversold. */
  | "stock-negative"
  /** An order is confirmed if and only if its stock is reserved. */
  | "reservation"
  /** An order matches the response that its buyer got. */
  | "acknowledged"
  /** A request id has one order. */
  | "request-id"
  /** Each change is notified exactly once, and nothing else is notified. */
  | "notification"
  /** Mail reaches the right recipient with the right text, without avoidable duplicates. */
  | "mail"
  /** The events of an order match its state changes, in order. */
  | "events"
  /** All started work finishes. */
  | "unfinished"
  /** A buyer is refused only for a valid reason. */
  | "refusal"
  /** No service returns an internal error or exits by itself. */
  | "broken";

/** A violated invariant. */
export interface Violation {
  readonly invariant: Invariant;
  readonly message: string;
}
