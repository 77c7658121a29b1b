import type { Auth, TargetKind } from "../attack.ts";
import type { GoodResult } from "./good-client.ts";

/** The most expensive request of an attack that measures single requests. */
export interface StepCost {
  readonly what: string;
  readonly blockedMs: number;
  readonly allocatedBytes: number;
  readonly messageBytes: number;
}

export interface ProcessMemory {
  readonly name: string;
  readonly beforeBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
  /** The value before the attack, or without calls. */
  readonly inFlightBefore: number;
  readonly inFlightAfter: number | undefined;
  /** The longest block of its event loop, in milliseconds of CPU time. */
  readonly blockedMaxMs: number | undefined;
  /** The peak of its buffers, resident or not. */
  readonly externalMaxBytes: number;
  readonly isAlive: boolean;
}

/** The measurements of one attack on one target. */
export interface Row {
  readonly attack: string;
  readonly kind: TargetKind;
  readonly auth: Auth;
  /** Whether the limits for the good client apply. */
  readonly judgesGoodClient: boolean;
  readonly idle: GoodResult;
  readonly beside: GoodResult;
  readonly processes: readonly ProcessMemory[];
  readonly steps: readonly StepCost[];
  readonly findings: readonly string[];
  readonly note: string;
}

/** The key of a row, for example `places/health-watch gateway required`. */
export function rowKey({ attack, kind, auth }: Pick<Row, "attack" | "kind" | "auth">): string {
  return `${attack} ${kind} ${auth}`;
}

/** The measurements of our client against one kind of malicious server. */
export interface ClientSideRow {
  readonly attack: string;
  /** The longest time that a call lasted beyond its deadline, in milliseconds. */
  readonly overrunMs: number;
  /** The same, minus the time for which the client waited for a core. */
  readonly overrunOwnMs: number;
  /** The longest block of the client's event loop, in milliseconds of CPU time. */
  readonly blockedMs: number;
  readonly grownBytes: number;
  readonly findings: readonly string[];
  readonly note: string;
}
