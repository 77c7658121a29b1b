import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { isIP } from "node:net";
import type { UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import { Deadlines } from "../../../environment/deadlines.ts";
import { checkBeforeSending } from "../../call/call-end.ts";
import { checkedHeader } from "../../call/call-header.ts";
import type { OutgoingUnary } from "../../call/call-layer.ts";
import type { TlsOptions } from "../../connection/client-connection.ts";
import type { Target } from "../../connection/target.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import { UnaryOutcome } from "../unary-exchange.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { UnaryProtocol } from "../unary-protocol.ts";
import { Http1ClientExchange } from "./http1-client-exchange.ts";

/** How many connections one client holds to one place over HTTP/1.1, where each carries one call at a time. */
const socketsMax = 256;

/** Connections that are kept for the next call. */
export function createAgent(target: Target, tls: TlsOptions = {}): Agent {
  return target.scheme === "https"
    ? new TlsAgent({ keepAlive: true, maxSockets: socketsMax, ...tls, ALPNProtocols: ["http/1.1"] })
    : new Agent({ keepAlive: true, maxSockets: socketsMax });
}

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
      const { authority, hostname, pathPrefix } = this.#target;
      const options = {
        method: "POST",
        path: methodPath(method, pathPrefix),
        headers: { host: authority, "content-length": body.bytes.length, ...asObject(fields) },
        agent: this.#agent,
        // An address cannot be asked for by name (RFC 6066, section 3), and Node throws where one is.
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      };
      const request = {
        options,
        body: body.bytes,
        bodyBytesMax: this.#protocol.bodyBytesMax,
        deadlineMs: timeoutMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + timeoutMs,
        signal,
      };
      const outcome = new UnaryOutcome(method, this.#protocol, this.#format, resolve, reject);
      new Http1ClientExchange(this.#target, this.#deadlines, request, outcome).start();
    });
  }
}

function asObject(fields: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? (fields[index + 1] ?? "") : `${before}, ${fields[index + 1]}`;
  }
  return headers;
}
