import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import { deliveryStatusOf, markDeliveryStatus } from "../call/attempt-outcome.ts";
import { decodeMessage, type MessageFormat } from "./codec.ts";
import { type HttpAnswer, UnaryAnswer } from "./unary-answer.ts";
import type { UnaryProtocol } from "./unary-protocol.ts";

/** What both versions of HTTP need to know of a unary request. */
export interface UnaryRequestInit {
  readonly body: Buffer;
  /** The most bytes that the answer's body may have. */
  readonly bodyBytesMax: number;
  /** By the clock's monotonic time, in milliseconds. Infinity for none. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/** How a unary exchange ends: exactly one of the two is called, once. */
export interface ExchangeOutcome {
  onAnswer(answer: HttpAnswer): void;
  onFailure(error: ConnectError): void;
}

/** Turns an HTTP answer into the response that the caller waits for. */
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
