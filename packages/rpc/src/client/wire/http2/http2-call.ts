import { Code, ConnectError } from "@connectrpc/connect";
import type { AnyHttp2Stream, StreamListener } from "@parley/http2";
import { deliveryStatusOf, isOwnTimer, markDeliveryStatus } from "../../call/attempt-outcome.ts";
import { deadlinePassed } from "../../call/call-end.ts";
import type { Channel, ConnectionWaiter } from "../../connection/channel.ts";
import type { Connection } from "../../connection/client-connection.ts";
import { connectionLost, errorFromReset } from "./http2-errors.ts";

/** How often a call moves to another connection because its own was closed; a bound against endless loops. */
const placementsMax = 8;

/** One call on an HTTP/2 connection: gets a place on one, and releases it. */
export abstract class Http2Call implements ConnectionWaiter, StreamListener {
  protected readonly channel: Channel;
  protected stream: AnyHttp2Stream | undefined;
  #connection: Connection | undefined;
  #receivedBefore = 0;
  #placements = 0;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Opens the stream. The connection has counted the call already. */
  protected abstract begin(connection: Connection): AnyHttp2Stream;
  abstract onUnreachable(error: ConnectError): void;
  abstract onHeaders(fields: readonly string[]): void;
  abstract onData(bytes: Buffer): void;
  abstract onTrailers(fields: readonly string[]): void;
  abstract onEnd(): void;
  abstract onClose(): void;

  /** Gets a place on a connection, now or when one is free. */
  protected place(): void {
    const connection = this.channel.acquire();
    if (connection === undefined) {
      this.channel.wait(this);
    } else {
      this.onConnection(connection);
    }
  }

  onConnection(connection: Connection): void {
    this.#connection = connection;
    this.#receivedBefore = connection.receivedCount;
    this.#placements++;
    if (connection.http2.closing && this.#placements < placementsMax) {
      // It closed between the two. Using the next one repeats nothing.
      this.giveBack();
      this.place();
      return;
    }
    this.stream = this.begin(connection);
  }

  /** Bytes arrived for this call. */
  protected received(): void {
    if (this.#connection !== undefined) {
      this.#connection.receivedCount++;
    }
  }

  /** The error of a call whose deadline passed now, with its delivery status. */
  protected deadlineError(): ConnectError {
    const connection = this.#connection;
    if (connection?.receivedCount === this.#receivedBefore) {
      // Nothing arrived since this call was sent: the peer may be dead.
      connection.probe();
    }
    return deadlinePassed(connection === undefined ? "unreachable" : "unknown");
  }

  /** The error of a call whose stream was closed before the response was complete. */
  protected closeError(stream: AnyHttp2Stream): ConnectError {
    const connection = this.#connection;
    if (connection !== undefined && stream.id > connection.lastStreamId) {
      return markDeliveryStatus(
        new ConnectError("the server sent GOAWAY before it processed the call", Code.Unavailable),
        "refused",
      );
    }
    return connection?.lost ? connectionLost(connection) : errorFromReset(stream.resetCode);
  }

  /** Whether the response counts against the server. Called only with balancing. */
  protected isTroubledAnswer(): boolean {
    return false;
  }

  /** Releases the place, or its place in the queue. With the call's error, if it has failed other than by its response. */
  protected giveBack(error?: ConnectError): void {
    const connection = this.#connection;
    if (connection === undefined) {
      this.channel.forget(this);
    } else {
      this.#connection = undefined;
      const { observer } = connection;
      const failed = observer !== undefined && (error === undefined ? this.isTroubledAnswer() : isServerFault(error));
      this.channel.release(connection, failed);
    }
  }
}

/** Whether a call's failure counts against the server or the path to it: not if its caller gave up, or if the server drained. */
function isServerFault(error: ConnectError): boolean {
  return error.code === Code.Canceled || deliveryStatusOf(error) === "refused"
    ? false
    : error.code !== Code.DeadlineExceeded || isOwnTimer(error);
}
