import type { TlsSource } from "../../../environment/connections/tls-files.ts";
import type { AddressReport } from "../../../telemetry/dependencies.ts";
import type { Channel, ConnectionWaiter } from "../channel.ts";
import { type ChannelParts, resolveIntervalMsDefault } from "../channel-parts.ts";
import type { Connection } from "../client-connection.ts";
import { AddressWatch } from "../resolution/address-watch.ts";
import { type Endpoint, endpointName } from "../resolution/endpoint.ts";
import type { Target } from "../resolution/target.ts";
import { WaitingCalls } from "../waiting-calls.ts";
import { BalancingReport } from "./balancing-report.ts";
import { type Ejectable, OutlierEjection } from "./outlier-ejection.ts";
import { leastRequest, type Pick, roundRobin } from "./pick.ts";
import { Subchannel, type SubchannelOwner } from "./subchannel.ts";

/** The interval of checks while calls are open, in milliseconds: a stalled address is found after six checks. */
const tickMs = 100;
/** The maximum number of addresses that are reported. */
const addressesReportedMax = 100;
/** The default time after which a channel without calls closes its connections and stops resolving its name. */
const idleTimeoutMsDefault = 300_000;

/**
 * Spreads calls over all addresses of a target, with a connection to each. The policy picks one of those that are
 * connected, serving (health watching), not stalled, and not ejected. If there is none, it picks among all that are connected:
 * a wrong judgement must not make the whole target unavailable.
 */
export class BalancedChannel implements Channel, SubchannelOwner {
  readonly target: Target;
  readonly tls: TlsSource | undefined;
  readonly isBalanced = true;
  readonly #parts: ChannelParts;
  readonly #report: BalancingReport;
  readonly #waiting: WaitingCalls;
  readonly #watch: AddressWatch;
  readonly #pick: Pick<Subchannel>;
  readonly #ejection: OutlierEjection | undefined;
  readonly #subchannels = new Map<string, Subchannel>();
  /** Those that calls go to now. */
  #usable: readonly Subchannel[] = [];
  #state: "idle" | "active" | "closed" = "idle";
  #resolveError: { readonly error: unknown } | undefined;
  #ticking = false;
  #judgedAtMs = 0;
  #cancelTick: () => void = () => {};
  #cancelIdleCheck: () => void = () => {};

  constructor(parts: ChannelParts) {
    const { target, clock, random, options, tls } = parts;
    this.target = target;
    this.tls = tls;
    this.#parts = parts;
    this.#report = new BalancingReport(target.name, parts);
    this.#waiting = new WaitingCalls(target.name, options.queueLengthMax);
    this.#pick = options.balancing === "round_robin" ? roundRobin(random) : leastRequest(random);
    this.#ejection = options.outlierEjection === false ? undefined : new OutlierEjection(options.outlierEjection);
    this.#watch = new AddressWatch(target, {
      clock,
      intervalMs: options.resolveIntervalMs ?? resolveIntervalMsDefault,
      onResolved: () => this.#onResolved(),
      onAddresses: (endpoints) => this.#onAddresses(endpoints),
      onFailed: (error) => this.#onResolveFailed(error),
    });
  }

  addresses(): readonly AddressReport[] {
    return [...this.#subchannels.values()].slice(0, addressesReportedMax).map(({ name, state }) => ({ name, state }));
  }

  acquire(): Connection | undefined {
    const chosen = this.#pick(this.#usable);
    if (chosen === undefined) {
      return undefined;
    }
    if (!this.#ticking) {
      this.#startTicking();
    }
    return chosen.acquire() ?? this.#acquireAny();
  }

  release(connection: Connection, failed = false): void {
    connection.end();
    connection.observer?.onCallEnded(failed);
    if (this.#waiting.size > 0) {
      this.#serve();
    }
  }

  wait(waiter: ConnectionWaiter): void {
    if (this.#state === "closed") {
      waiter.onUnreachable(this.#waiting.unreachable("the client was closed"));
      return;
    }
    if (this.#state === "idle") {
      this.#activate();
    }
    const failure = this.#failure();
    if (failure !== undefined) {
      waiter.onUnreachable(this.#waiting.unreachable(failure.error));
    } else if (this.#waiting.add(waiter)) {
      this.#serve();
    }
  }

  forget(waiter: ConnectionWaiter): void {
    this.#waiting.delete(waiter);
  }

  close(): void {
    this.#deactivate();
    this.#state = "closed";
    this.#waiting.fail("the client was closed");
  }

  onChanged(): void {
    const ready = [...this.#subchannels.values()].filter(({ isReady }) => isReady);
    const fit = ready.filter(({ isFit }) => isFit);
    this.#usable = fit.length > 0 ? fit : ready;
    this.#report.usableAddresses.value = this.#usable.length;
    this.#serve();
  }

  onCallFailed(subchannel: Ejectable): void {
    this.#ejection?.failed(subchannel, [...this.#subchannels.values()], this.#parts.clock.monotonic());
  }

  onLost(): void {
    this.#watch.refresh();
  }

  onFailing(): void {
    const failure = this.#failure();
    if (failure !== undefined) {
      this.#waiting.fail(failure.error);
    }
  }

  #serve(): void {
    if (this.#waiting.size > 0) {
      this.#waiting.serve(() => this.acquire());
    }
  }

  /** The picked one has as many calls as its server allows. */
  #acquireAny(): Connection | undefined {
    for (const subchannel of this.#usable) {
      const connection = subchannel.acquire();
      if (connection !== undefined) {
        return connection;
      }
    }
    return undefined;
  }

  /** The reason why no call can be sent now. Undefined if one can, or if that is not known yet. */
  #failure(): { readonly error: unknown } | undefined {
    if (this.#subchannels.size === 0) {
      return this.#resolveError;
    }
    const errors: unknown[] = [];
    for (const { failing } of this.#subchannels.values()) {
      if (failing === undefined) {
        return undefined;
      }
      errors.push(failing.error);
    }
    return { error: errors.length === 1 ? errors[0] : new AggregateError(errors) };
  }

  #activate(): void {
    this.#state = "active";
    this.#resolveError = undefined;
    this.#watch.start();
    this.#checkIdle(this.#begunCount());
  }

  #deactivate(): void {
    this.#state = "idle";
    this.#watch.stop();
    this.#cancelTick();
    this.#cancelIdleCheck();
    this.#ticking = false;
    const subchannels = [...this.#subchannels.values()];
    this.#subchannels.clear();
    this.#usable = [];
    for (const subchannel of subchannels) {
      subchannel.close();
    }
  }

  #onResolved(): void {
    this.#resolveError = undefined;
    this.#report.resolved();
  }

  #onResolveFailed(error: unknown): void {
    this.#resolveError = { error };
    this.#report.resolutionFailed(error, this.#subchannels.size);
    if (this.#subchannels.size === 0) {
      this.#waiting.fail(error);
    }
  }

  #onAddresses(endpoints: readonly Endpoint[]): void {
    const wanted = new Map(endpoints.map((endpoint) => [endpointName(endpoint), endpoint]));
    const removed = [...this.#subchannels].filter(([name]) => !wanted.has(name));
    const added = [...wanted].filter(([name]) => !this.#subchannels.has(name));
    for (const [name, endpoint] of added) {
      const subchannel = new Subchannel(endpoint, this.#parts, { owner: this, report: this.#report });
      this.#subchannels.set(name, subchannel);
      subchannel.connect();
    }
    for (const [name] of removed) {
      this.#subchannels.delete(name);
    }
    this.#report.addressesChanged(
      added.map(([name]) => name),
      removed.map(([name]) => name),
      this.#subchannels.size,
    );
    this.onChanged();
    // After the next pick excludes them: their calls may end, and no new ones begin.
    for (const [, subchannel] of removed) {
      subchannel.close();
    }
  }

  #startTicking(): void {
    this.#ticking = true;
    this.#cancelTick = this.#parts.clock.after(tickMs, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#parts.clock.monotonic();
    const subchannels = [...this.#subchannels.values()];
    for (const subchannel of subchannels) {
      subchannel.tick(nowMs);
    }
    if (this.#ejection !== undefined && nowMs - this.#judgedAtMs >= this.#ejection.intervalMs) {
      this.#judgedAtMs = nowMs;
      this.#ejection.judge(subchannels, nowMs);
    }
    this.#ticking = false;
    if (subchannels.some(({ openCount, counts }) => openCount > 0 || counts.calls > 0)) {
      this.#startTicking();
    }
  }

  /** Without a call since the last check, and with none open, the channel idles until the next call. */
  #checkIdle(begunCount: number): void {
    const { clock, options } = this.#parts;
    this.#cancelIdleCheck = clock.after(options.idleTimeoutMs ?? idleTimeoutMsDefault, () => {
      const isOpen = [...this.#subchannels.values()].some(({ openCount }) => openCount > 0);
      if (isOpen || this.#waiting.size > 0 || this.#begunCount() !== begunCount) {
        this.#checkIdle(this.#begunCount());
      } else {
        this.#deactivate();
      }
    });
  }

  #begunCount(): number {
    return [...this.#subchannels.values()].reduce((sum, { begunCount }) => sum + begunCount, 0);
  }
}
