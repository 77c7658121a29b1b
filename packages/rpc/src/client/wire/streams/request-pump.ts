import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { inLaterTurn, turnIsOver } from "../../../environment/event-loop-turn.ts";
import type { OutgoingStream } from "../../call/call-layer.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import type { WireOptions } from "../unary-protocol.ts";
import type { StreamWire } from "./client-stream.ts";
import { frameMessage } from "./stream-protocol.ts";

export interface RequestPumpOptions {
  readonly format: MessageFormat;
  readonly wireOptions: WireOptions;
  /** The caller's iterable threw, or a message cannot be encoded. */
  readonly failed: (error: ConnectError) => void;
}

/** Sends a call's messages as they arrive, no faster than the server reads them. */
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
    const { format, wireOptions, failed } = this.#options;
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
        if (turnIsOver()) {
          await new Promise<void>((resolve) => inLaterTurn(resolve));
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

  /** The call has ended: the caller's iterable is closed, and its further messages are dropped. */
  stop(): void {
    if (this.#stopped) {
      return;
    }
    this.#stopped = true;
    this.drained();
    // Not awaited, and its failure does not matter: it may wait for something that never happens.
    this.#messages.return?.().catch(() => {});
  }
}
