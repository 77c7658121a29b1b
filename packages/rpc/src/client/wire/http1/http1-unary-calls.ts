import type { Agent } from "node:http";
import type { UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import { Deadlines } from "../../../environment/deadlines.ts";
import { checkBeforeSending } from "../../call/call-end.ts";
import { checkedHeader } from "../../call/call-header.ts";
import type { OutgoingUnary } from "../../call/call-layer.ts";
import type { Target } from "../../connection/resolution/target.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import { UnaryOutcome } from "../unary-exchange.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { UnaryProtocol } from "../unary-protocol.ts";
import { Http1ClientExchange } from "./http1-client-exchange.ts";

/** Unary calls straight on `node:http`. */
export class Http1UnaryCalls {
  readonly #target: Target;
  readonly #protocol: UnaryProtocol;
  readonly #agent: Agent;
  readonly #format: MessageFormat;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<Http1ClientExchange>;

  constructor(
    target: Target,
    protocol: UnaryProtocol,
    { agent, format, clock }: { readonly agent: Agent; readonly format: MessageFormat; readonly clock: Clock },
  ) {
    this.#target = target;
    this.#protocol = protocol;
    this.#agent = agent;
    this.#format = format;
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
  }

  unary(call: OutgoingUnary): Promise<UnaryResponse> {
    return new Promise((resolve, reject) => {
      checkBeforeSending(call);
      const { method, signal, timeoutMs, header, input } = call;
      const body = this.#protocol.frame(encodeMessage(method.input, input, this.#format));
      const fields = [...this.#protocol.fields, ...body.fields];
      if (timeoutMs !== undefined) {
        fields.push(this.#protocol.timeoutName, this.#protocol.formatTimeout(timeoutMs));
      }
      pushMetadata(fields, checkedHeader(header));
      const request = {
        init: {
          agent: this.#agent,
          target: this.#target,
          path: methodPath(method, this.#target.pathPrefix),
          fields,
          bodyBytes: body.bytes.length,
        },
        clock: this.#clock,
        body: body.bytes,
        bodyBytesMax: this.#protocol.bodyBytesMax,
        deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeoutMs,
        signal,
      };
      const outcome = new UnaryOutcome(method, this.#protocol, this.#format, resolve, reject);
      new Http1ClientExchange(this.#deadlines, request, outcome).start();
    });
  }
}
