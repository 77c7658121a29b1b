import type { Logger } from "pino";
import { Registry } from "prom-client";
import { type MetricValue, valueFamily } from "../../../telemetry/metric-family.ts";
import { errorWords } from "../error-words.ts";

/** The reason of an ejection. */
export type EjectionReason = "failures" | "silence" | "not_serving";

/** Reports the decisions of balancing: metrics of a target, and a log line for each change of an address. */
export class BalancingReport {
  readonly addresses: MetricValue;
  readonly usableAddresses: MetricValue;
  readonly connectionsOpened: MetricValue;
  readonly connectionsFailed: MetricValue;
  readonly disconnections: MetricValue;
  readonly #target: string;
  readonly #log: Logger | undefined;
  readonly #resolutions: { readonly ok: MetricValue; readonly failed: MetricValue };
  readonly #ejections: Readonly<Record<EjectionReason, MetricValue>>;
  #resolvesBadly = false;

  constructor(target: string, { log, metrics = new Registry() }: BalancingReportOptions) {
    this.#target = target;
    this.#log = log;
    const labels = { grpc_target: target };
    const value = (name: string, type: "counter" | "gauge", help: string) => valueFamily(metrics, { name, type, help });
    this.addresses = value("parley_client_addresses", "gauge", "Addresses of the target.").series(labels);
    this.usableAddresses = value(
      "parley_client_usable_addresses",
      "gauge",
      "Addresses of the target that are used for calls: connected, serving, not ejected.",
    ).series(labels);
    this.connectionsOpened = value(
      "grpc_subchannel_connection_attempts_succeeded_total",
      "counter",
      "Connection attempts that succeeded (A94: grpc.subchannel.connection_attempts_succeeded).",
    ).series(labels);
    this.connectionsFailed = value(
      "grpc_subchannel_connection_attempts_failed_total",
      "counter",
      "Connection attempts that failed (A94: grpc.subchannel.connection_attempts_failed).",
    ).series(labels);
    this.disconnections = value(
      "grpc_subchannel_disconnections_total",
      "counter",
      "Connections that ended (A94: grpc.subchannel.disconnections).",
    ).series(labels);
    const resolutions = value("parley_client_resolutions_total", "counter", "Lookups of the target's name in DNS.");
    this.#resolutions = {
      ok: resolutions.series({ ...labels, outcome: "ok" }),
      failed: resolutions.series({ ...labels, outcome: "failed" }),
    };
    const ejections = value("parley_client_ejections_total", "counter", "Ejected addresses, by reason.");
    const byReason = (reason: EjectionReason) => ejections.series({ ...labels, reason });
    this.#ejections = {
      failures: byReason("failures"),
      silence: byReason("silence"),
      not_serving: byReason("not_serving"),
    };
  }

  addressesChanged(added: readonly string[], removed: readonly string[], count: number): void {
    this.addresses.value = count;
    this.#log?.info({ target: this.#target, addresses: count, added, removed }, "addresses changed");
  }

  resolved(): void {
    this.#resolutions.ok.value++;
    if (this.#resolvesBadly) {
      this.#resolvesBadly = false;
      this.#log?.info({ target: this.#target }, "name resolution works again");
    }
  }

  /** Logged once until a resolution succeeds: a failing DNS server is queried every second. */
  resolutionFailed(error: unknown, addressesKept: number): void {
    this.#resolutions.failed.value++;
    if (!this.#resolvesBadly) {
      this.#resolvesBadly = true;
      this.#log?.warn(
        { target: this.#target, error: errorWords(error), addressesKept },
        "name resolution failed; the last known addresses stay in use",
      );
    }
  }

  ejected(address: string, reason: EjectionReason, details: Readonly<Record<string, number>> = {}): void {
    this.#ejections[reason].value++;
    this.#log?.warn({ target: this.#target, address, reason, ...details }, "address ejected");
  }

  returned(address: string, reason: EjectionReason): void {
    this.#log?.info({ target: this.#target, address, reason }, "address used again");
  }
}

interface BalancingReportOptions {
  readonly log: Logger | undefined;
  readonly metrics: Registry | undefined;
}
