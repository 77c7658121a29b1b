import type { DescMethod } from "@bufbuild/protobuf";
import { type MethodPolicy, methodPolicy } from "@parley/contract";
import type { Environment } from "../../environment/environment.ts";
import { ClientMetrics, type MethodMetrics } from "../../telemetry/client-metrics.ts";
import { type AddressReport, dependenciesOf } from "../../telemetry/dependencies.ts";
import { isDiagnostic, nameOfProcess } from "../call/called-process.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import type { Dependency } from "./dependency-error.ts";
import { RetryThrottle } from "./retry-throttle.ts";

export interface TargetOptions {
  readonly breaker?: BreakerOptions | undefined;
  /** The target's addresses, as they are now. */
  readonly addresses?: (() => readonly AddressReport[]) | undefined;
}

/** The shared state of all clients of one target: its breaker, its retry tokens, its metrics. */
export class TargetState {
  readonly name: string;
  readonly breaker: Breaker;
  readonly throttle: RetryThrottle;
  readonly #metrics: ClientMetrics;
  readonly #methods = new Map<DescMethod, MethodState>();
  readonly #processes = new Set<string>();

  constructor(name: string, environment: Environment, { breaker: options = {}, addresses = () => [] }: TargetOptions) {
    this.name = name;
    dependenciesOf(environment.metrics).addTarget(() => ({
      name,
      processes: [...this.#processes],
      breaker: this.breaker.state,
      addresses: addresses(),
    }));
    this.#metrics = new ClientMetrics(environment.metrics, name);
    this.breaker = new Breaker(name, { log: environment.log, gauge: this.#metrics.breakerState, options });
    this.throttle = new RetryThrottle(this.#metrics.retryTokens);
  }

  method(method: DescMethod): MethodState {
    let state = this.#methods.get(method);
    if (state === undefined) {
      const service = method.parent.typeName;
      const name = `${service}/${method.name}`;
      state = {
        name,
        policy: methodPolicy(method),
        metrics: this.#metrics.method(name),
        dependency: { service, target: this.name },
      };
      this.#methods.set(method, state);
      if (!isDiagnostic(method.parent)) {
        this.#processes.add(nameOfProcess(method.parent));
      }
    }
    return state;
  }
}

/** The cached policy and metrics of a method at a target. */
export interface MethodState {
  readonly name: string;
  readonly policy: MethodPolicy;
  readonly metrics: MethodMetrics;
  readonly dependency: Dependency;
}
