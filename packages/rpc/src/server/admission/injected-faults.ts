import type { DescMethod } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { batchMethodOf } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";

/** Fault injection: makes calls slow or makes them fail, to test their clients. */
export interface InjectedFault {
  /** `product.v1.InventoryService/ReserveStock`, the method's short name, or an empty string for all methods. */
  readonly method: string;
  /** The share of calls that it affects, in percent. */
  readonly percent: number;
  /** The delay that it adds to a call, in milliseconds. */
  readonly latencyMs: number;
  /** The status code that the call fails with. 0: it does not fail. */
  readonly code: number;
  /** When the fault ends, in milliseconds since 1970. */
  readonly expireMs: number;
}

/**
 * The key of the global variable with the faults of this process. Only `parley up` sets it, through the IPC channel to its child processes. A
 * process that was started otherwise has no faults, and no request can inject any.
 */
export const injectedFaultsKey: unique symbol = Symbol.for("parley.injected-faults") as typeof injectedFaultsKey;

interface FaultPlace {
  [injectedFaultsKey]?: readonly InjectedFault[] | undefined;
}

/** A call that a fault may be injected into. */
export interface DisturbedCall {
  readonly method: DescMethod;
  /** Rejects when the call is aborted, by its deadline for example. */
  race<T>(work: Promise<T>): Promise<T>;
}

/** Whether the process has faults. Without any, this check is the only cost of a call. */
export function faultsInjected(): boolean {
  return (globalThis as FaultPlace)[injectedFaultsKey] !== undefined;
}

/** Returns undefined if no fault affects the call; otherwise a promise that settles after the delay, and rejects if the call has to fail. */
export function injectFault(
  call: DisturbedCall,
  { clock, random }: Pick<Environment, "clock" | "random">,
): Promise<void> | undefined {
  const faults = (globalThis as FaultPlace)[injectedFaultsKey] ?? [];
  const nowMs = clock.now();
  const fault = faults.find(
    ({ method, percent, expireMs }) => expireMs > nowMs && isMeant(method, call.method) && random() * 100 < percent,
  );
  return fault === undefined ? undefined : disturb(call, fault, clock);
}

async function disturb(
  call: DisturbedCall,
  { latencyMs, code }: InjectedFault,
  clock: Environment["clock"],
): Promise<void> {
  if (latencyMs > 0) {
    await call.race(new Promise<void>((resolve) => clock.after(latencyMs, resolve)));
  }
  if (code !== 0) {
    throw new ConnectError("a fault was injected into this call (parley fault)", code as Code);
  }
}

/** A fault of a method also affects the batch method that carries its calls. */
function isMeant(wanted: string, { name, parent }: DescMethod): boolean {
  const short = wanted.startsWith(`${parent.typeName}/`) ? wanted.slice(parent.typeName.length + 1) : wanted;
  return (
    short === "" ||
    short === name ||
    parent.methods.some((method) => method.name === short && batchMethodOf(method)?.name === name)
  );
}
