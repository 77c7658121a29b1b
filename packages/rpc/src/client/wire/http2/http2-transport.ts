import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ContextValues, type UnaryResponse } from "@connectrpc/connect";
import { encodeFields } from "@parley/http2";
import type { Clock } from "../../../environment/clock.ts";
import { markOwnTimer, markReach, reachOf } from "../../attempt-outcome.ts";
import { checkedHeader, type MetadataInit } from "../../call-header.ts";
import type { Channel } from "../../connection/channel.ts";
import { decodeMessage, encodeMessage, type MessageFormat } from "../codec.ts";
import { DeadlineWatch } from "../deadline-watch.ts";
import { type HttpAnswer, UnaryAnswer } from "../unary-answer.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { UnaryProtocol } from "../unary-protocol.ts";
import { type ExchangeOutcome, Http2Exchange } from "./http2-exchange.ts";

/** Unary calls straight on a connection. The stock transport costs many times as much, see docs/performance.md. */
export class Http2UnaryTransport {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #watch: DeadlineWatch;
  readonly #protocol: UnaryProtocol;
  readonly #format: MessageFormat;
  readonly #heads = new Map<DescMethodUnary, Buffer>();

  constructor(
    channel: Channel,
    protocol: UnaryProtocol,
    { format, clock }: { readonly format: MessageFormat; readonly clock: Clock },
  ) {
    this.#channel = channel;
    this.#protocol = protocol;
    this.#format = format;
    this.#clock = clock;
    this.#watch = new DeadlineWatch(clock);
  }

  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: MetadataInit | undefined,
    input: MessageInitShape<I>,
    _contextValues?: ContextValues,
  ): Promise<UnaryResponse<I, O>> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        throw markReach(ConnectError.from(signal.reason, Code.Canceled), "unsent");
      }
      if (timeoutMs !== undefined && timeoutMs <= 0) {
        throw markOwnTimer(markReach(new ConnectError("the operation timed out", Code.DeadlineExceeded), "unsent"));
      }
      const protocol = this.#protocol;
      const body = protocol.frame(encodeMessage(method.input, input, this.#format));
      const fields: string[] = [];
      if (timeoutMs !== undefined) {
        fields.push(protocol.timeoutName, protocol.formatTimeout(timeoutMs));
      }
      if (body.fields.length > 0) {
        fields.push(...body.fields);
      }
      if (header !== undefined) {
        pushMetadata(fields, checkedHeader(header));
      }
      const request = {
        head: encodeFields(fields, this.#head(method)),
        body: body.bytes,
        bodyBytesMax: protocol.bodyBytesMax,
        deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeoutMs,
        signal,
      };
      const outcome = new UnaryOutcome(method, protocol, this.#format, resolve, reject);
      new Http2Exchange(this.#channel, this.#watch, request, outcome).start();
    });
  }

  /** The headers that all calls of a method have. */
  #head(method: DescMethodUnary): Buffer {
    let head = this.#heads.get(method);
    if (head === undefined) {
      const { scheme, authority, pathPrefix } = this.#channel.target;
      head = encodeFields([
        ...[":method", "POST", ":scheme", scheme, ":authority", authority, ":path", methodPath(method, pathPrefix)],
        ...this.#protocol.fields,
      ]);
      this.#heads.set(method, head);
    }
    return head;
  }
}

/** Makes of an HTTP answer what the caller waits for. */
export class UnaryOutcome<I extends DescMessage, O extends DescMessage> implements ExchangeOutcome {
  readonly #method: DescMethodUnary<I, O>;
  readonly #protocol: UnaryProtocol;
  readonly #format: MessageFormat;
  readonly #resolve: (response: UnaryResponse<I, O>) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    method: DescMethodUnary<I, O>,
    protocol: UnaryProtocol,
    format: MessageFormat,
    resolve: (response: UnaryResponse<I, O>) => void,
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

  onFailure(error: ConnectError, reach = reachOf(error)): void {
    this.#reject(markReach(error, reach));
  }
}
