import type { ConnectError } from "@connectrpc/connect";
import { givenRequestId, requestIdHeader } from "../../call/request-id.ts";
import type { ContentType } from "../../protocol/content-types.ts";
import { headersFromNode } from "../../protocol/metadata.ts";
import type { ServerCall } from "../pipeline/server-call.ts";
import type { DialectSettings } from "./dialect.ts";
import type { Exchange } from "./exchange/exchange.ts";

/** A call on an exchange: its request headers and response metadata, created on first use. */
export class WireCall {
  readonly exchange: Exchange;
  readonly type: ContentType;
  readonly settings: DialectSettings;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;

  constructor({ exchange, type, settings }: Pick<WireCall, "exchange" | "type" | "settings">) {
    this.exchange = exchange;
    this.type = type;
    this.settings = settings;
  }

  /** Drops the implementation's headers and trailers, which cannot be written. */
  protected forgetMetadata(): void {
    this.#responseHeader = undefined;
    this.#responseTrailer = undefined;
  }

  /** Adds the trace id to the response (`x-trace-id`) if the call failed, or if the caller sent no `traceparent` and the trace is recorded or logged, and the request id if it failed. */
  protected nameTrace(call: ServerCall, error: ConnectError | undefined): void {
    const { exchange } = this;
    if (call.runtime.quiet) {
      return;
    }
    if (error !== undefined && givenRequestId(exchange.headers[requestIdHeader]) === undefined) {
      exchange.headers[requestIdHeader] = call.requestId;
    }
    if (error !== undefined || (exchange.headers.traceparent === undefined && call.isTraceable)) {
      exchange.answerTraceId = call.trace.traceId;
    }
  }

  get createdResponseHeader(): Headers | undefined {
    return this.#responseHeader;
  }

  get createdResponseTrailer(): Headers | undefined {
    return this.#responseTrailer;
  }

  get protocolName(): ContentType["protocol"] {
    return this.type.protocol;
  }

  get jsonNames(): boolean {
    return this.type.codec === "json";
  }

  get requestMethod(): string {
    return this.exchange.requestMethod;
  }

  get url(): string {
    return this.exchange.url;
  }

  get peer(): string {
    return this.exchange.peer;
  }

  get connection(): object {
    return this.exchange.connection;
  }

  header(name: string): string | undefined {
    const value = this.exchange.headers[name];
    return typeof value === "object" ? value.join(", ") : value;
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= headersFromNode(this.exchange.headers);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }
}
