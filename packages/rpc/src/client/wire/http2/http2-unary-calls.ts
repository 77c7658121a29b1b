import type { DescMethodUnary } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";
import { encodeFields } from "@parley/http2";
import type { Clock } from "../../../environment/clock.ts";
import { Deadlines } from "../../../environment/deadlines.ts";
import { checkBeforeSending } from "../../call/call-end.ts";
import { checkedHeader } from "../../call/call-header.ts";
import type { OutgoingUnary } from "../../call/call-layer.ts";
import type { Channel } from "../../connection/channel.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import { UnaryOutcome } from "../unary-exchange.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { UnaryProtocol } from "../unary-protocol.ts";
import { Http2ClientExchange } from "./http2-client-exchange.ts";

/** Unary calls directly on a connection. The stock transport costs many times as much, see docs/performance.md. */
export class Http2UnaryCalls {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<Http2ClientExchange>;
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
    this.#deadlines = new Deadlines(clock);
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    return new Promise((resolve, reject) => {
      checkBeforeSending(call);
      const { method, signal, timeoutMs, header, input } = call;
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
        clock: this.#clock,
        head: encodeFields(fields, this.#head(method)),
        body: body.bytes,
        bodyBytesMax: protocol.bodyBytesMax,
        deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeoutMs,
        signal,
      };
      const outcome = new UnaryOutcome(method, protocol, this.#format, resolve, reject);
      new Http2ClientExchange(this.#channel, this.#deadlines, request, outcome).start();
    });
  }

  /** The common headers of a method's calls. */
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
