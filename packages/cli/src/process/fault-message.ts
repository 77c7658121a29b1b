/** The stack's message to a service's process with the faults to inject: see preload/take-faults.ts. */
export interface FaultMessage {
  readonly kind: "faults";
  /** As `InjectedFault` of the runtime has them. */
  readonly faults: readonly {
    readonly method: string;
    readonly percent: number;
    readonly latencyMs: number;
    readonly code: number;
    readonly expireMs: number;
  }[];
}
