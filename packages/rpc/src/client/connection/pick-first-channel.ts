import type { TlsSource } from "../../environment/connections/tls-files.ts";
import type { AddressReport } from "../../telemetry/dependencies.ts";
import type { Channel, ConnectionWaiter } from "./channel.ts";
import { type ChannelParts, resolveIntervalMsDefault } from "./channel-parts.ts";
import type { Connection } from "./client-connection.ts";
import { Connector, type ConnectorOwner } from "./connector.ts";
import { AddressWatch } from "./resolution/address-watch.ts";
import { type Endpoint, endpointName } from "./resolution/endpoint.ts";
import type { Target } from "./resolution/target.ts";
import { WaitingCalls } from "./waiting-calls.ts";

/** The most addresses tried for one connection: a name with hundreds must not delay a call without end. */
const endpointsMax = 16;

/**
 * gRPC's `pick_first`: one connection to the first reachable address of the target, made when a call needs it and remade, with backoff,
 * when it is lost. Calls wait while it is being made; calls fail at once while the target is known to be unreachable. A name is
 * resolved before each connection, and during one: when its address is no longer among the results, new calls use another.
 */
export class PickFirstChannel implements Channel, ConnectorOwner {
  readonly target: Target;
  readonly tls: TlsSource | undefined;
  readonly isBalanced = false;
  readonly #parts: ChannelParts;
  readonly #waiting: WaitingCalls;
  readonly #connector: Connector;
  readonly #watch: AddressWatch;
  #wantedInBackoff = false;

  constructor(parts: ChannelParts) {
    const { target, clock, options, tls } = parts;
    this.#parts = parts;
    this.target = target;
    this.tls = tls;
    this.#waiting = new WaitingCalls(target.name, options.queueLengthMax);
    this.#connector = new Connector({
      ...parts,
      endpoints: async () => (await target.resolve(clock)).endpoints.slice(0, endpointsMax),
      connectionsMax: options.connectionsMax ?? 1,
      owner: this,
    });
    this.#watch = new AddressWatch(target, {
      clock,
      intervalMs: options.resolveIntervalMs ?? resolveIntervalMsDefault,
      onAddresses: (endpoints) => this.#onAddresses(endpoints),
      onFailed: (error) => parts.log?.debug({ target: target.name, err: error }, "name resolution failed"),
    });
  }

  /** One: that of the connection, or the target's name while there is none. */
  addresses(): readonly AddressReport[] {
    const { state } = this.#connector;
    return [{ name: this.target.name, state: state === "backoff" ? "unreachable" : state }];
  }

  acquire(): Connection | undefined {
    return this.#connector.acquire();
  }

  release(connection: Connection): void {
    connection.end();
    if (this.#waiting.size > 0) {
      this.onRoom();
    }
  }

  wait(waiter: ConnectionWaiter): void {
    const connector = this.#connector;
    if (connector.isClosed) {
      waiter.onUnreachable(this.#waiting.unreachable("the client was closed"));
    } else if (connector.state === "backoff") {
      this.#wantedInBackoff = true;
      waiter.onUnreachable(this.#waiting.unreachable(connector.lastError));
    } else if (this.#waiting.add(waiter)) {
      if (connector.state === "idle") {
        connector.connect();
      } else {
        this.onRoom();
      }
    }
  }

  forget(waiter: ConnectionWaiter): void {
    this.#waiting.delete(waiter);
  }

  close(): void {
    this.#watch.stop();
    this.#connector.close();
    this.#waiting.fail("the client was closed");
  }

  onConnected(): void {
    if (this.target.isDynamic) {
      this.#watch.start();
    }
  }

  onRoom(): void {
    this.#waiting.serve(() => this.#connector.acquire());
  }

  onGone(): void {
    this.#watch.stop();
    if (this.#waiting.size > 0) {
      this.#connector.connect();
    }
  }

  onUnreachable(error: unknown): void {
    this.#watch.stop();
    this.#wantedInBackoff = false;
    this.#waiting.fail(error);
  }

  onBackoffOver(): void {
    // Only if a call came meanwhile: without calls, no connection is made.
    if (this.#wantedInBackoff) {
      this.#connector.connect();
    }
  }

  #onAddresses(endpoints: readonly Endpoint[]): void {
    const endpoint = this.#connector.current?.endpoint;
    if (endpoint === undefined || endpoints.some((known) => endpointName(known) === endpointName(endpoint))) {
      return;
    }
    this.#parts.log?.info(
      { target: this.target.name, address: endpointName(endpoint) },
      "address is no longer in DNS; new calls go to another",
    );
    this.#connector.drain();
    this.onGone();
  }
}
