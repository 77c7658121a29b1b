import type { ContentType } from "../../protocol/content-types.ts";
import type { CallPipeline } from "../pipeline/call-pipeline.ts";
import type { DialectSettings } from "../wire/dialect.ts";
import type { Exchange } from "../wire/exchange/exchange.ts";
import type { StreamDialect } from "./stream-dialect.ts";
import type { StreamMethod } from "./stream-method.ts";

/** The parts of a `StreamCall`. */
export interface StreamCallInit {
  readonly pipeline: CallPipeline;
  readonly method: StreamMethod;
  readonly dialect: StreamDialect;
  readonly type: ContentType;
  readonly settings: StreamSettings;
  readonly exchange: Exchange;
}

/** Settings of all streams of a server. */
export interface StreamSettings extends DialectSettings {
  readonly responseBytesMax: number;
  /** The longest pause inside a body of one message, in milliseconds. */
  readonly bodyIdleTimeoutMs: number;
}
