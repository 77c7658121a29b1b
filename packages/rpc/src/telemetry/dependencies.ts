import type { Registry } from "prom-client";

/** The state of a circuit breaker. */
export type BreakerStateName = "closed" | "half-open" | "open";

/** Whether calls go to an address, and why not. */
export type AddressStateName = "idle" | "connecting" | "ready" | "unreachable" | "not-serving" | "stalled" | "ejected";

/** One address of a target. */
export interface AddressReport {
  readonly name: string;
  readonly state: AddressStateName;
}

/** A target of this process's clients, as it is now. */
export interface TargetReport {
  readonly name: string;
  /** The processes that are called there. */
  readonly processes: readonly string[];
  readonly breaker: BreakerStateName;
  readonly addresses: readonly AddressReport[];
}

/** The maximum number of targets that are reported. A process has a few; a client library that makes many must not make responses grow. */
const targetsMax = 100;

/** What a process depends on: targets of its clients, its database, and the broker of its events. */
export class Dependencies {
  /** `sqlite` or `postgresql`. Empty without a database. */
  store = "";
  /** `direct`, `redis` or `kafka`. Empty without events. */
  broker = "";
  readonly #targets: (() => TargetReport)[] = [];

  addTarget(report: () => TargetReport): void {
    if (this.#targets.length < targetsMax) {
      this.#targets.push(report);
    }
  }

  /** The targets that were called. */
  targets(): readonly TargetReport[] {
    return this.#targets.map((report) => report()).filter(({ processes }) => processes.length > 0);
  }
}

/** Reports the broker of the process's events: `direct`, `redis` or `kafka`. */
export function reportBroker(metrics: Registry, broker: string): void {
  dependenciesOf(metrics).broker = broker;
}

const known = new WeakMap<Registry, Dependencies>();

/** The dependencies of the process with this metrics registry: all environments of a process share it. */
export function dependenciesOf(metrics: Registry): Dependencies {
  let dependencies = known.get(metrics);
  if (dependencies === undefined) {
    dependencies = new Dependencies();
    known.set(metrics, dependencies);
  }
  return dependencies;
}
