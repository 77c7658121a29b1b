import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { deliveryStatusOf, markDeliveryStatus } from "../call/attempt-outcome.ts";
import { decodeMessage, type MessageFormat } from "./codec.ts";
import { type HttpAnswer, UnaryAnswer } from "./unary-answer.ts";
import type { UnaryProtocol } from "./unary-protocol.ts";

/** The parameters of a unary request for both versions of HTTP. */
export interface UnaryRequestInit {
  readonly body: Buffer;
  /** The largest body of the response. */
  readonly bodyBytesMax: number;
  /** By the clock's monotonic time, in milliseconds. Infinity for none. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The outcome of a unary exchange: exactly one of the two is called, once. */
export interface ExchangeOutcome {
  onAnswer(answer: HttpAnswer): void;
  onFailure(error: ConnectError): void;
}

/** Converts an HTTP response into the caller's. */
export class UnaryOutcome implements ExchangeOutcome {
  readonly #method: DescMethodUnary;
  readonly #protocol: UnaryProtocol;
  readonly #format: MessageFormat;
  readonly #resolve: (response: UnaryResponse) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    method: DescMethodUnary,
    protocol: UnaryProtocol,
    format: MessageFormat,
    resolve: (response: UnaryResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#method = method;
    this.#protocol = protocol;
    this.#format = format;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onAnswer(answer: HttpAnswer): void {
    try {
      const { bytes, header, trailer } = this.#protocol.read(answer);
      const message = decodeMessage(this.#method.output, bytes, this.#format);
      this.#resolve(new UnaryAnswer(this.#method, message, header, trailer));
    } catch (error) {
      this.onFailure(ConnectError.from(error, Code.Internal), "answered");
    }
  }

  onFailure(error: ConnectError, deliveryStatus = deliveryStatusOf(error)): void {
    this.#reject(markDeliveryStatus(error, deliveryStatus));
  }
}
