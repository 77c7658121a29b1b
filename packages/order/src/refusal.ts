/** Why an order cannot be met. */
export interface Refusal {
  /** One of `orderReasons`. */
  readonly reason: string;
  /** In words for people. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
}
