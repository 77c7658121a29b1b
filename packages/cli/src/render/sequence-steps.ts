/** A call between two parties, on a scale that begins with the first call. */
export interface SequenceCall {
  readonly from: string;
  readonly to: string;
  /** The contract, for example `order.v1.OrderService`. */
  readonly service: string;
  readonly method: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** The gRPC status, for example `OK`. */
  readonly code: string;
}

/** A call goes out, or its answer comes back. */
export interface SequenceStep {
  readonly kind: "call" | "answer";
  readonly call: SequenceCall;
  readonly atMs: number;
}

/** Where the first lifeline stands: times are left of it. */
export const margin = 10;
/** More steps than this would not be read. */
const stepsDrawnMax = 100;

/** What happened one after the other: calls and their answers, each answer after those of the calls that it waited for. */
export function sequenceSteps(calls: readonly SequenceCall[]): readonly SequenceStep[] {
  return calls
    .flatMap((call): SequenceStep[] => [
      { kind: "call", call, atMs: call.startMs },
      { kind: "answer", call, atMs: call.startMs + call.durationMs },
    ])
    .sort((one, other) => one.atMs - other.atMs)
    .slice(0, stepsDrawnMax);
}

/** Milliseconds, as precisely as a person can use them. */
export function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")} ms`;
}
