import type { Auth, TargetKind } from "../attack.ts";
import type { GoodResult } from "./good-client.ts";

/** The costliest request of an attack that measures its requests one by one. */
export interface StepCost {
  readonly what: string;
  readonly heldMs: number;
  readonly allocatedBytes: number;
  readonly messageBytes: number;
}

export interface ProcessMemory {
  readonly name: string;
  readonly beforeBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
  /** Its value before the attack, or without calls. */
  readonly inFlightBefore: number;
  readonly inFlightAfter: number | undefined;
  /** The longest that its event loop was held, in milliseconds of CPU time. */
  readonly heldMaxMs: number | undefined;
  /** The most that it held in buffers, resident or not. */
  readonly externalMaxBytes: number;
  readonly isAlive: boolean;
}

/** What was measured of one attack on one target. */
export interface Row {
  readonly attack: string;
  readonly kind: TargetKind;
  readonly auth: Auth;
  /** Whether the good client is judged. */
  readonly judgesGoodClient: boolean;
  readonly idle: GoodResult;
  readonly beside: GoodResult;
  readonly processes: readonly ProcessMemory[];
  readonly steps: readonly StepCost[];
  readonly findings: readonly string[];
  readonly note: string;
}

/** The name under which a row is listed, for example `places/health-watch gateway required`. */
export function rowKey({ attack, kind, auth }: Pick<Row, "attack" | "kind" | "auth">): string {
  return `${attack} ${kind} ${auth}`;
}

/** What was measured of our client against one kind of malicious server. */
export interface ClientSideRow {
  readonly attack: string;
  /** How long after its deadline the latest call ended, in milliseconds. */
  readonly overrunMs: number;
  /** The same, less the time for which the client had no core. */
  readonly overrunOwnMs: number;
  /** The longest that the client's event loop was held, in milliseconds of CPU time. */
  readonly heldMs: number;
  readonly grownBytes: number;
  readonly findings: readonly string[];
  readonly note: string;
}
