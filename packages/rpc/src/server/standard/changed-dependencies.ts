import { create } from "@bufbuild/protobuf";
import {
  AddressState,
  BreakerState,
  type ProcessDependencies,
  ProcessDependenciesSchema,
} from "@parley/gen/rpc/v1/telemetry_pb.js";
import type { Registry } from "prom-client";
import {
  type AddressStateName,
  type BreakerStateName,
  dependenciesOf,
  type TargetReport,
} from "../../telemetry/dependencies.ts";

export interface DependenciesOptions {
  readonly process: string;
  readonly replica: string;
  readonly metrics: Registry;
}

/** The dependencies of this process for one watcher, whenever they have changed. */
export class ChangedDependencies {
  readonly #options: DependenciesOptions;
  #sent = "";

  constructor(options: DependenciesOptions) {
    this.#options = options;
  }

  /** Whether they differ from those last returned by {@link take}. */
  get isChanged(): boolean {
    return this.#text() !== this.#sent;
  }

  /** The fields of a response: empty if nothing has changed. */
  take(): { readonly dependencies?: ProcessDependencies[]; readonly dependenciesChanged?: boolean } {
    const text = this.#text();
    if (text === this.#sent) {
      return {};
    }
    this.#sent = text;
    const { process, replica, metrics } = this.#options;
    const known = dependenciesOf(metrics);
    const { store, broker } = known;
    const targets = known.targets().map(targetFields);
    return {
      dependencies: [create(ProcessDependenciesSchema, { process, replica, store, broker, targets })],
      dependenciesChanged: true,
    };
  }

  #text(): string {
    const known = dependenciesOf(this.#options.metrics);
    return JSON.stringify([known.store, known.broker, known.targets()]);
  }
}

function targetFields({ name, processes, breaker, addresses }: TargetReport) {
  return {
    name,
    processes: [...processes],
    breaker: breakerStates[breaker],
    addresses: addresses.map((address) => ({ name: address.name, state: addressStates[address.state] })),
  };
}

const breakerStates: Readonly<Record<BreakerStateName, BreakerState>> = {
  closed: BreakerState.CLOSED,
  "half-open": BreakerState.HALF_OPEN,
  open: BreakerState.OPEN,
};

const addressStates: Readonly<Record<AddressStateName, AddressState>> = {
  idle: AddressState.IDLE,
  connecting: AddressState.CONNECTING,
  ready: AddressState.READY,
  unreachable: AddressState.UNREACHABLE,
  "not-serving": AddressState.NOT_SERVING,
  stalled: AddressState.STALLED,
  ejected: AddressState.EJECTED,
};
