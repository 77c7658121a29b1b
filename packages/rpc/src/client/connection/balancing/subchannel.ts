import type { AddressStateName } from "../../../telemetry/dependencies.ts";
import type { ChannelParts } from "../channel-parts.ts";
import type { CallObserver, Connection } from "../client-connection.ts";
import { Connector, type ConnectorOwner } from "../connector.ts";
import { type Endpoint, endpointName } from "../resolution/endpoint.ts";
import type { BalancingReport } from "./balancing-report.ts";
import { watchHealth } from "./health-watch.ts";
import { CallCounts, type Ejectable } from "./outlier-ejection.ts";
import type { Pickable } from "./pick.ts";
import { StallDetector } from "./stall-detector.ts";

/** The balanced channel that a subchannel belongs to. */
export interface SubchannelOwner {
  /** One of its calls has failed. */
  onCallFailed(subchannel: Ejectable): void;
  /** It became usable or unusable, or may have room for calls. */
  onChanged(): void;
  /** A connection was lost, or none can be made: the addresses may have changed. */
  onLost(): void;
  /** No connection to it can be made at present. */
  onFailing(error: unknown): void;
}

/** The default number of connections to one address. */
const connectionsMaxDefault = 4;
/** The time limit of the first health status, in milliseconds. */
const healthAnswerMs = 1000;
const slowStartMsDefault = 10_000;
/** The least share of calls during slow start: without any it would never warm up. */
const slowStartWeightMin = 0.1;
/** A connection of less than this time, in milliseconds, is not reopened at once: a server may accept and close without end. */
const briefMs = 1000;

/** One address of a target: its connections, its open calls, and whether it may get more. */
export class Subchannel implements ConnectorOwner, CallObserver, Pickable, Ejectable {
  readonly name: string;
  readonly counts = new CallCounts();
  openCount = 0;
  weight = 1;
  ejectedUntilMs: number | undefined;
  ejectionCount = 0;
  failuresInARow = 0;
  isOnProbation = false;
  readonly #parts: ChannelParts;
  readonly #owner: SubchannelOwner;
  readonly #report: BalancingReport;
  readonly #connector: Connector;
  readonly #stalls = new StallDetector(() => this.#stallChanged());
  #begunCount = 0;
  #serving = true;
  #healthPending = false;
  #failing: { readonly error: unknown } | undefined;
  #connectedAtMs = 0;
  #warmSinceMs = 0;
  #cancelTimer: () => void = () => {};

  constructor(endpoint: Endpoint, parts: ChannelParts, { owner, report }: SubchannelParts) {
    this.name = endpointName(endpoint);
    this.#parts = parts;
    this.#owner = owner;
    this.#report = report;
    const endpoints = [endpoint];
    this.#connector = new Connector({
      ...parts,
      // An idle channel closes all of its connections together.
      options: { ...parts.options, idleTimeoutMs: Number.POSITIVE_INFINITY },
      endpoints: async () => endpoints,
      connectionsMax: parts.options.connectionsMax ?? connectionsMaxDefault,
      owner: this,
    });
  }

  /** Whether it has a connection for calls. */
  get isReady(): boolean {
    return this.#connector.state === "ready" && !this.#healthPending;
  }

  /** Whether calls should be sent to it, as long as there is another choice. */
  get isFit(): boolean {
    return this.#serving && !this.#stalls.isStalled && this.ejectedUntilMs === undefined;
  }

  /** Whether calls go to it, and why not. */
  get state(): AddressStateName {
    if (!this.isReady) {
      return this.#failing === undefined ? "connecting" : "unreachable";
    }
    if (!this.#serving) {
      return "not-serving";
    }
    return this.#stalls.isStalled ? "stalled" : this.ejectedUntilMs === undefined ? "ready" : "ejected";
  }

  /** The reason why it is unreachable, since its last connection. Undefined if unknown. */
  get failing(): { readonly error: unknown } | undefined {
    return this.#failing;
  }

  /** How many calls have begun on it so far. */
  get begunCount(): number {
    return this.#begunCount;
  }

  connect(): void {
    this.#connector.connect();
  }

  acquire(): Connection | undefined {
    const connection = this.#connector.acquire();
    if (connection !== undefined) {
      this.openCount++;
      this.#begunCount++;
    }
    return connection;
  }

  /** Drains its calls, and accepts no more. */
  close(): void {
    this.#cancelTimer();
    this.#connector.close();
  }

  /** Call it at regular intervals while calls are open on any address. */
  tick(nowMs: number): void {
    this.#stalls.look(this.#connector.current, this.#begunCount);
    if (this.weight < 1) {
      this.#warm(nowMs);
    }
  }

  onCallEnded(failed: boolean): void {
    this.openCount--;
    this.counts.calls++;
    if (failed) {
      this.counts.failures++;
      this.failuresInARow++;
      this.#owner.onCallFailed(this);
    } else {
      this.failuresInARow = 0;
    }
  }

  eject(untilMs: number, details: { readonly calls: number; readonly failures: number; readonly forMs: number }): void {
    this.ejectedUntilMs = untilMs;
    this.#report.ejected(this.name, "failures", details);
    this.#owner.onChanged();
  }

  readmit(): void {
    this.ejectedUntilMs = undefined;
    this.failuresInARow = 0;
    this.#report.returned(this.name, "failures");
    this.#startSlowly();
    this.#owner.onChanged();
  }

  onConnected(connection: Connection): void {
    connection.observer = this;
    this.#report.connectionsOpened.value++;
    const { options, target, clock, random } = this.#parts;
    const isFirst = connection === this.#connector.current;
    if (isFirst) {
      this.#failing = undefined;
      this.#connectedAtMs = clock.monotonic();
      this.#startSlowly();
    }
    if (options.healthWatch === false) {
      return;
    }
    if (isFirst) {
      this.#healthPending = true;
      this.#after(healthAnswerMs, () => this.#healthKnown());
    }
    watchHealth(connection, {
      ...{ target, clock, random },
      onServing: (serving) => {
        this.#setServing(serving);
        this.#healthKnown();
      },
    });
  }

  onRoom(): void {
    if (!this.#healthPending) {
      this.#owner.onChanged();
    }
  }

  onGone(): void {
    this.#report.disconnections.value++;
    this.#healthPending = false;
    this.#stalls.reset();
    const livedMs = this.#parts.clock.monotonic() - this.#connectedAtMs;
    if (livedMs >= briefMs) {
      this.#connector.connect();
    } else {
      this.#after(briefMs * (0.5 + this.#parts.random() / 2), () => this.#connector.connect());
    }
    this.#owner.onChanged();
    this.#owner.onLost();
  }

  onUnreachable(error: unknown): void {
    this.#report.connectionsFailed.value++;
    this.#failing = { error };
    this.#healthPending = false;
    this.#stalls.reset();
    this.#owner.onChanged();
    this.#owner.onLost();
    this.#owner.onFailing(error);
  }

  onBackoffOver(): void {
    this.#connector.connect();
  }

  #healthKnown(): void {
    if (this.#healthPending) {
      this.#healthPending = false;
      this.#cancelTimer();
      this.#owner.onChanged();
    }
  }

  #setServing(serving: boolean): void {
    if (serving === this.#serving) {
      return;
    }
    this.#serving = serving;
    if (serving) {
      this.#report.returned(this.name, "not_serving");
      this.#startSlowly();
    } else {
      this.#report.ejected(this.name, "not_serving");
    }
    this.#owner.onChanged();
  }

  #stallChanged(): void {
    if (this.#stalls.isStalled) {
      this.#report.ejected(this.name, "silence");
    } else if (this.isReady) {
      this.#report.returned(this.name, "silence");
    }
    this.#owner.onChanged();
  }

  #startSlowly(): void {
    this.#warmSinceMs = this.#parts.clock.monotonic();
    this.#warm(this.#warmSinceMs);
  }

  #warm(nowMs: number): void {
    const { slowStartMs = slowStartMsDefault } = this.#parts.options;
    const share = slowStartMs === 0 ? 1 : (nowMs - this.#warmSinceMs) / slowStartMs;
    this.weight = Math.min(1, Math.max(slowStartWeightMin, share));
  }

  #after(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.clock.after(delayMs, callback);
  }
}

export interface SubchannelParts {
  readonly owner: SubchannelOwner;
  readonly report: BalancingReport;
}
