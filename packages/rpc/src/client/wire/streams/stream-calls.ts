import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import { Deadlines } from "../../../environment/deadlines.ts";
import { checkBeforeSending } from "../../call/call-end.ts";
import { checkedHeader } from "../../call/call-header.ts";
import type { CallLayer, OutgoingStream, OutgoingUnary } from "../../call/call-layer.ts";
import type { MessageFormat } from "../codec.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { WireOptions } from "../unary-protocol.ts";
import { ClientStream, type StreamWire } from "./client-stream.ts";
import { RequestPump } from "./request-pump.ts";
import type { StreamProtocol } from "./stream-protocol.ts";

/** The parts of a call over one version of HTTP. */
export interface StreamParts {
  readonly path: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
  readonly call: ClientStream;
  readonly pump: RequestPump;
}

/** Creates the exchange of a call, which begins with `start`. */
export type OpenStreamWire = (parts: StreamParts) => StreamWire & { start(): void };

export interface StreamCallsOptions {
  readonly protocol: StreamProtocol;
  readonly format: MessageFormat;
  readonly wireOptions: WireOptions;
  readonly clock: Clock;
  readonly pathPrefix: string;
  readonly openWire: OpenStreamWire;
}

/** Streaming calls of all kinds, and unary calls that are written as streams of one message (gRPC-Web). */
export class StreamCalls implements CallLayer {
  readonly #options: StreamCallsOptions;
  readonly #deadlines: Deadlines<ClientStream>;

  constructor(options: StreamCallsOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  stream(call: OutgoingStream): Promise<StreamResponse> {
    return new Promise((resolve, reject) => {
      checkBeforeSending(call);
      const { protocol, format, wireOptions, clock, pathPrefix, openWire } = this.#options;
      const fields = [...protocol.fields];
      if (call.timeoutMs !== undefined) {
        fields.push(protocol.timeoutName, protocol.formatTimeout(call.timeoutMs));
      }
      pushMetadata(fields, checkedHeader(call.header));
      const pump: RequestPump = new RequestPump(call, {
        format,
        wireOptions,
        failed: (error) => stream.cancel(error),
      });
      const stream = new ClientStream(call, {
        protocol,
        format,
        clock,
        readBytesMax: wireOptions.readBytesMax,
        deadlines: this.#deadlines,
        begun: resolve,
        failed: reject,
        requestOver: () => pump.stop(),
      });
      openWire({ path: methodPath(call.method, pathPrefix), fields, call: stream, pump }).start();
    });
  }

  async unary(call: OutgoingUnary): Promise<UnaryResponse> {
    const method = call.method as DescMethod as OutgoingStream["method"];
    const response = await this.stream({ ...call, method, input: only(call.input) });
    const messages = response.message[Symbol.asyncIterator]();
    const first = await messages.next();
    if (first.done) {
      throw new ConnectError("protocol error: missing output message for unary method", Code.Unimplemented);
    }
    if (!(await messages.next()).done) {
      await messages.return?.();
      throw new ConnectError("protocol error: received extra output message for unary method", Code.Unimplemented);
    }
    const { service, header, trailer } = response;
    return { stream: false, service, method: call.method, header, trailer, message: first.value };
  }
}

async function* only(input: MessageInitShape<DescMessage>): AsyncGenerator<MessageInitShape<DescMessage>> {
  yield input;
}
