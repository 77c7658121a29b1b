import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "@parley/gen/health/v1/health_pb.js";
import { type AnyHttp2Stream, encodeFields, errorCode, fieldsToObject, type StreamListener } from "@parley/http2";
import { backoffMs } from "../../../environment/backoff.ts";
import type { Clock } from "../../../environment/clock.ts";
import { EnvelopeReader } from "../../../protocol/envelope-reader.ts";
import type { Connection } from "../client-connection.ts";
import type { Target } from "../resolution/target.ts";

/** A health message is two bytes; a much longer one is invalid. */
const messageBytesMax = 1024;
/** The backoff before a watch is restarted, in milliseconds. */
const backoff = { initialMs: 1000, maxMs: 30_000 };

export interface HealthWatchOptions {
  readonly target: Target;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called at first, and at each change. A server without health service counts as serving. */
  readonly onServing: (serving: boolean) => void;
}

/**
 * Watches the health of a connection's server (gRPC's proposal A17, `grpc.health.v1.Health/Watch` of the whole server), for as long as new calls
 * may begin on it. A server without health service (UNIMPLEMENTED) is not watched again. A watch that ends for another reason is restarted with
 * backoff, and the last status stays meanwhile.
 */
export function watchHealth(connection: Connection, options: HealthWatchOptions): void {
  new HealthWatch(connection, options).begin();
}

class HealthWatch implements StreamListener {
  readonly #connection: Connection;
  readonly #options: HealthWatchOptions;
  #reader: EnvelopeReader | undefined;
  #stream: AnyHttp2Stream | undefined;
  #failures = 0;
  #reported = false;
  #over = false;
  #status: string | undefined;
  #cancelTimer: () => void = () => {};

  constructor(connection: Connection, options: HealthWatchOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.onDraining = () => {
      this.#over = true;
      this.#cancelTimer();
      this.#stream?.reset(errorCode.cancel);
    };
  }

  begin(): void {
    const { http2 } = this.#connection;
    // On a connection that allows one stream at a time, a watch would leave none for calls.
    if (this.#over || http2.closing || http2.peerStreamsMax <= 1) {
      this.#report(true);
      return;
    }
    this.#connection.reserveStreams(1);
    this.#reader = new EnvelopeReader({ protocol: "grpc", messageBytesMax, malformedCode: Code.Internal });
    this.#status = undefined;
    const stream = http2.open(requestHead(this.#options.target));
    stream.listener = this;
    this.#stream = stream;
    stream.end(requestBody);
  }

  onHeaders(fields: readonly string[]): void {
    this.#readStatus(fields);
  }

  onData(bytes: Buffer): void {
    this.#stream?.taken(bytes.length);
    try {
      this.#reader?.push(bytes);
      for (let envelope = this.#reader?.next(); envelope !== undefined; envelope = this.#reader?.next()) {
        const { status } = fromBinary(HealthCheckResponseSchema, envelope.payload);
        this.#failures = 0;
        this.#report(status === ServingStatus.SERVING || status === ServingStatus.SERVICE_UNKNOWN);
      }
    } catch {
      this.#stream?.reset(errorCode.cancel);
    }
  }

  onTrailers(fields: readonly string[]): void {
    this.#readStatus(fields);
  }

  onEnd(): void {}

  onClose(): void {
    this.#stream = undefined;
    this.#connection.reserveStreams(-1);
    if (this.#over) {
      return;
    }
    if (!this.#reported) {
      this.#report(true);
    }
    if (Number(this.#status) === Code.Unimplemented) {
      this.#report(true);
      return;
    }
    const waitMs = backoffMs(++this.#failures, this.#options.random, backoff);
    this.#cancelTimer = this.#options.clock.after(waitMs, () => this.begin());
  }

  #report(serving: boolean): void {
    this.#reported = true;
    this.#options.onServing(serving);
  }

  #readStatus(fields: readonly string[]): void {
    const status = fieldsToObject(fields)["grpc-status"];
    if (typeof status === "string") {
      this.#status = status;
    }
  }
}

/** The whole server: the service name is empty. */
const requestMessage = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema));
/** Five bytes of length-prefix before the message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const requestBody = Buffer.concat([Buffer.from([0, 0, 0, 0, requestMessage.length]), requestMessage]);

function requestHead({ scheme, authority, pathPrefix }: Target): Buffer {
  return encodeFields([
    ...[":method", "POST", ":scheme", scheme, ":authority", authority],
    ...[":path", `${pathPrefix}/grpc.health.v1.Health/Watch`],
    ...["content-type", "application/grpc+proto", "te", "trailers", "user-agent", "parley-rpc/0.1"],
  ]);
}
