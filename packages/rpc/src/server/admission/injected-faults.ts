import type { DescMethod } from "@bufbuild/protobuf";
import { type Code, ConnectError } from "@connectrpc/connect";
import { batchMethodOf } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";

/** A fault that is injected into calls on purpose, to test their callers. */
export interface InjectedFault {
  /** `product.v1.InventoryService/ReserveStock`, the method's short name, or nothing for all methods. */
  readonly method: string;
  /** Which share of the calls, in percent. */
  readonly percent: number;
  /** How long a call waits before it goes on, in milliseconds. */
  readonly latencyMs: number;
  /** The code that it fails with. 0: it does not fail. */
  readonly code: number;
  /** When the fault ends, in milliseconds since 1970. */
  readonly expireMs: number;
}

/**
 * Where the faults of this process are. Nothing in the runtime puts any there: `parley up` does, through the channel to its child processes. So
 * a process that was started in another way has none, and no request can make it have some.
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

/** Whether there are faults in this process: all that a call costs without them. */
export function faultsInjected(): boolean {
  return (globalThis as FaultPlace)[injectedFaultsKey] !== undefined;
}

/** What is injected into a call: a promise that waits and may reject, or undefined if no fault is meant for it. */
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
    throw new ConnectError("a fault was injected into this call on purpose (parley fault)", code as Code);
  }
}

/** A fault of a method disturbs the batches too that its calls travel in. */
function isMeant(wanted: string, { name, parent }: DescMethod): boolean {
  const short = wanted.startsWith(`${parent.typeName}/`) ? wanted.slice(parent.typeName.length + 1) : wanted;
  return (
    short === "" ||
    short === name ||
    parent.methods.some((method) => method.name === short && batchMethodOf(method)?.name === name)
  );
}
