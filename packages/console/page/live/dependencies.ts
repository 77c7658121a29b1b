import { AddressState, BreakerState, type ProcessDependencies } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";

/** What each process depends on, as the processes report it. */
export const dependencies = signal<readonly ProcessDependencies[]>([]);

/** The state of the calls from one process to another, over all replicas of the caller. */
export interface EdgeState {
  /** The worst one of the breakers. */
  readonly breaker: "closed" | "half-open" | "open";
  readonly usableAddresses: number;
  readonly addresses: number;
  /** The addresses that calls do not go to, and why. */
  readonly unusable: readonly string[];
}

/** Undefined if no process has reported the edge: its caller is outside, or has not called yet. */
export function edgeState(from: string, to: string): EdgeState | undefined {
  const targets = dependencies.value
    .filter(({ process }) => process === from)
    .flatMap(({ targets }) => targets.filter(({ processes }) => processes.includes(to)));
  if (targets.length === 0) {
    return undefined;
  }
  const addresses = targets.flatMap((target) => target.addresses);
  const unusable = addresses.filter(({ state }) => state !== AddressState.READY && state !== AddressState.IDLE);
  const worst = Math.max(...targets.map(({ breaker }) => breaker));
  return {
    breaker: worst === BreakerState.OPEN ? "open" : worst === BreakerState.HALF_OPEN ? "half-open" : "closed",
    usableAddresses: addresses.length - unusable.length,
    addresses: addresses.length,
    unusable: unusable.map(({ name, state }) => `${name} ${addressWords[state] ?? ""}`.trim()),
  };
}

const addressWords: Readonly<Partial<Record<AddressState, string>>> = {
  [AddressState.CONNECTING]: "connects",
  [AddressState.UNREACHABLE]: "cannot be reached",
  [AddressState.NOT_SERVING]: "does not serve",
  [AddressState.STALLED]: "does not answer",
  [AddressState.EJECTED]: "is set aside",
};

/** `redis` or `kafka`. Undefined where events travel in calls. */
export function brokerOf(process: string): string | undefined {
  const broker = dependencies.value.find((one) => one.process === process)?.broker ?? "";
  return broker === "" || broker === "direct" ? undefined : broker;
}

/** `sqlite` or `postgresql`. Undefined without a database, or before the process has reported it. */
export function storeOf(process: string): string | undefined {
  return dependencies.value.find((one) => one.process === process)?.store || undefined;
}
