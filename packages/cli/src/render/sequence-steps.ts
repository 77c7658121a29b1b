/** A call between two parties, on a scale that begins with the first call. */
export interface SequenceCall {
  readonly from: string;
  readonly to: string;
  /** The contract, for example `order.v1.OrderService`. Empty if it is not a call. */
  readonly service: string;
  readonly method: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** The gRPC status, for example `OK`. */
  readonly code: string;
  /** The kind of a hop that is not a call. No caller waits for it. */
  readonly carries?: "event" | "mail";
}

/** A request, or its response. */
export interface SequenceStep {
  readonly kind: "call" | "answer";
  readonly call: SequenceCall;
  readonly atMs: number;
}

/** The position of the first lifeline: times are left of it. */
export const margin = 10;
/** More steps than this are not readable. */
const stepsDrawnMax = 100;

/** The steps in order: requests and responses, each response after those of its nested calls. */
export function sequenceSteps(calls: readonly SequenceCall[]): readonly SequenceStep[] {
  return calls
    .flatMap((call): SequenceStep[] => [
      { kind: "call", call, atMs: call.startMs },
      { kind: "answer", call, atMs: call.startMs + call.durationMs },
    ])
    .sort((one, other) => one.atMs - other.atMs)
    .slice(0, stepsDrawnMax);
}

/** Milliseconds, with a precision useful for people. */
export function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")} ms`;
}
