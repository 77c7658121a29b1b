import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import { onNextTurn, sliceUsedUp } from "../../../environment/turn-slice.ts";
import type { OutgoingStream } from "../../call/call-layer.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import type { WireOptions } from "../unary-protocol.ts";
import type { StreamWire } from "./client-stream.ts";
import { frameMessage } from "./stream-protocol.ts";

export interface RequestPumpOptions {
  readonly clock: Clock;
  readonly format: MessageFormat;
  readonly wireOptions: WireOptions;
  /** The caller's iterable threw, or a message cannot be written. */
  readonly failed: (error: ConnectError) => void;
}

/** Sends a call's messages as they come, no faster than the server takes them. */
export class RequestPump {
  readonly #messages: AsyncIterator<MessageInitShape<DescMessage>>;
  readonly #schema: DescMessage;
  readonly #options: RequestPumpOptions;
  #stopped = false;
  #drained: (() => void) | undefined;

  constructor({ method, input }: OutgoingStream, options: RequestPumpOptions) {
    this.#messages = input[Symbol.asyncIterator]();
    this.#schema = method.input;
    this.#options = options;
  }

  async run(wire: StreamWire): Promise<void> {
    const { clock, format, wireOptions, failed } = this.#options;
    try {
      for (;;) {
        const { done, value } = await this.#messages.next();
        if (this.#stopped) {
          return;
        }
        if (done) {
          wire.end();
          return;
        }
        if (!wire.send(frameMessage(encodeMessage(this.#schema, value, format), wireOptions))) {
          await new Promise<void>((resolve) => {
            this.#drained = resolve;
          });
        }
        if (sliceUsedUp(clock.monotonic())) {
          await new Promise<void>(onNextTurn);
        }
      }
    } catch (error) {
      if (!this.#stopped) {
        failed(ConnectError.from(error, Code.Aborted));
      }
    }
  }

  /** More may be sent. */
  drained(): void {
    this.#drained?.();
    this.#drained = undefined;
  }

  /** The call is over: the caller's iterable is told so, and what it still gives is not sent. */
  stop(): void {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    this.drained();
    // Not awaited, and its failure says nothing of the call: it may wait for something that never comes.
    this.#messages.return?.().catch(() => {});
  }
}
