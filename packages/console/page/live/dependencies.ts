import { AddressState, BreakerState, type ProcessDependencies } from "@parley/gen/rpc/v1/telemetry_pb.js";
import { signal } from "@preact/signals";

/** The dependencies of each process, as the processes report them. */
export const dependencies = signal<readonly ProcessDependencies[]>([]);
/** The database of each process, which does not change while the process is down. */
const stores = new Map<string, string>();

export function putDependencies(reported: readonly ProcessDependencies[]): void {
  for (const { process, store } of reported) {
    stores.set(process, store);
  }
  dependencies.value = reported;
}

/** The state of the calls from one process to another, over all replicas of the caller. */
export interface EdgeState {
  /** The worst one of the breakers. */
  readonly breaker: "closed" | "half-open" | "open";
  readonly usableAddresses: number;
  readonly addresses: number;
  /** The addresses that receive no calls, and the reasons. */
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
  // Each address once: several clients and replicas may report it.
  const addresses = new Map<string, AddressState>();
  for (const { name, state } of targets.flatMap((target) => target.addresses)) {
    addresses.set(name, Math.max(state, addresses.get(name) ?? 0));
  }
  const unusable = [...addresses].filter(([, state]) => state !== AddressState.READY && state !== AddressState.IDLE);
  const worst = Math.max(...targets.map(({ breaker }) => breaker));
  return {
    breaker: worst === BreakerState.OPEN ? "open" : worst === BreakerState.HALF_OPEN ? "half-open" : "closed",
    usableAddresses: addresses.size - unusable.length,
    addresses: addresses.size,
    unusable: unusable.map(([name, state]) => `${name} ${addressWords[state] ?? ""}`.trim()),
  };
}

const addressWords: Readonly<Partial<Record<AddressState, string>>> = {
  [AddressState.CONNECTING]: "is connecting",
  [AddressState.UNREACHABLE]: "is unreachable",
  [AddressState.NOT_SERVING]: "is not serving",
  [AddressState.STALLED]: "does not respond",
  [AddressState.EJECTED]: "is ejected",
};

/** `redis` or `kafka`. Undefined without a broker. */
export function brokerOf(process: string): string | undefined {
  const broker = dependencies.value.find((one) => one.process === process)?.broker ?? "";
  return broker === "" || broker === "direct" ? undefined : broker;
}

/** `sqlite` or `postgresql`. Undefined without a database, or before the process has reported it. */
export function storeOf(process: string): string | undefined {
  dependencies.value;
  return stores.get(process) || undefined;
}
