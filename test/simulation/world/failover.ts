import type { CrashableDatabase } from "@parley/store/testing";
import type { ServiceName } from "./seams.ts";
import type { SimulatedTime } from "./simulated-time.ts";

/**
 * A failover to an asynchronous standby that lacks the last commits. The databases of all services are on one server, so the standby has all of
 * them as they were at one moment.
 */
export interface Failover {
  /** When the primary is gone, in simulated milliseconds. */
  readonly atMs: number;
  /** How far the standby is behind then, in milliseconds. */
  readonly lagMs: number;
}

/** What a failover lost: the commits from `fromMs` to `toMs`, in simulated milliseconds. */
export interface LostTail {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface StandbyOptions {
  readonly failover: Failover;
  readonly time: SimulatedTime;
  readonly disks: Readonly<Record<ServiceName, CrashableDatabase>>;
  /** Extra lag of a service's standby, if each has its own. Default: none. */
  readonly extraLagMs?: (service: ServiceName) => number;
  /** Called at the failover. `restore` puts the standby's data in place. */
  readonly onFailover: (restore: () => void, lost: LostTail) => void;
}

/** Until the databases can be copied between two transactions. */
const againMs = 0.1;

/** Copies the databases at one moment, and fails over to the copy later. */
export function planFailover({ failover, time, disks, extraLagMs = () => 0, onFailover }: StandbyOptions): void {
  const { atMs, lagMs } = failover;
  const restores = new Map<ServiceName, () => void>();
  let fromMs = atMs;

  /** All of these services at one moment. */
  function copy(services: readonly ServiceName[]): void {
    const copies = services.map((service) => [service, disks[service].snapshot?.()] as const);
    if (copies.some(([, restore]) => restore === undefined)) {
      time.after(againMs, () => copy(services));
      return;
    }
    fromMs = Math.min(fromMs, time.monotonic());
    for (const [service, restore] of copies) if (restore !== undefined) restores.set(service, restore);
  }

  const services = Object.keys(disks) as ServiceName[];
  for (const [extraMs, some] of Map.groupBy(services, extraLagMs)) {
    time.after(Math.max(0, atMs - lagMs - extraMs), () => copy(some));
  }
  time.after(atMs, () => {
    const restore = () => {
      for (const one of restores.values()) one();
    };
    onFailover(restore, { fromMs, toMs: time.monotonic() });
  });
}
