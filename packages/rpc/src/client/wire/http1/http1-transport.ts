import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import { isIP } from "node:net";
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type ContextValues, type UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../../../environment/clock.ts";
import { markOwnTimer, markReach } from "../../attempt-outcome.ts";
import { checkedHeader, type MetadataInit } from "../../call-header.ts";
import type { TlsOptions } from "../../connection/client-connection.ts";
import type { Target } from "../../connection/target.ts";
import { encodeMessage, type MessageFormat } from "../codec.ts";
import { DeadlineWatch } from "../deadline-watch.ts";
import { UnaryOutcome } from "../http2/http2-transport.ts";
import { methodPath, pushMetadata } from "../unary-method.ts";
import type { UnaryProtocol } from "../unary-protocol.ts";
import { Http1Exchange } from "./http1-exchange.ts";

/** How many connections one client holds to one place over HTTP/1.1, where each carries one call at a time. */
const socketsMax = 256;

/** Connections that are kept for the next call. */
export function createAgent(target: Target, tls: TlsOptions = {}): Agent {
  return target.scheme === "https"
    ? new TlsAgent({ keepAlive: true, maxSockets: socketsMax, ...tls, ALPNProtocols: ["http/1.1"] })
    : new Agent({ keepAlive: true, maxSockets: socketsMax });
}

/** Unary calls straight on `node:http`. */
export class Http1UnaryTransport {
  readonly #target: Target;
  readonly #protocol: UnaryProtocol;
  readonly #agent: Agent;
  readonly #format: MessageFormat;
  readonly #clock: Clock;
  readonly #watch: DeadlineWatch;

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
      new Http1Exchange(this.#target, this.#watch, request, outcome).start();
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
