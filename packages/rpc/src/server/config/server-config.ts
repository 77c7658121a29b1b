import type { Http2Implementation } from "@parley/http2";
import type { HostCheck } from "../http/host-check.ts";
import type { ServerLimits } from "./server-limits.ts";

/** How a server is reached and what it allows. Everything has a default. */
export interface ServerConfig {
  /** The address to listen on. 127.0.0.1 by default. */
  readonly host?: string;
  /** The port to listen on. By default 0: any that is free. */
  readonly port?: number;
  /** The server's certificate. With it, everything goes over TLS; without it, nothing does. */
  readonly tls?: TlsConfig;
  /** Where `/metrics`, `/traces` and a plaintext `/health` are served. Without it they are on the server's own port. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Whether the server describes its contracts (gRPC server reflection). It does by default. */
  readonly reflection?: boolean;
  /** Whether the last calls are kept, and `rpc.v1.TelemetryService` is offered. They are by default. */
  readonly telemetry?: boolean;
  /** Which hosts requests may be for. Any by default. */
  readonly hostCheck?: HostCheck;
  /** What is changed of the default limits. */
  readonly limits?: Partial<ServerLimits>;
  /** Returns of at least this many bytes are compressed (gzip) for callers that accept it. By default none is. */
  readonly compressBytesMin?: number;
  /**
   * What reads and writes calls: `own`, the default, straight from the connection; `stock`, Connect's handlers for Fastify, under the same
   * limits. The two answer alike.
   */
  readonly rpcPath?: "own" | "stock";
  /**
   * Whose HTTP/2 connections: `own`, the runtime's, or `node`, those of `node:http2`, with Node's limits on hostile peers instead of ours
   * (docs/security.md). By default the environment's, and `own` without one.
   */
  readonly http2?: Http2Implementation;
  /**
   * How long a server that closes still accepts calls: first with health at NOT_SERVING and all else as before, then once more with its port closed
   * and its clients asked to go elsewhere, for as long as they have connections. 500 ms by default.
   */
  readonly drainNoticeMs?: number;
  /** The page that describes the reasons of errors, one section each: errors carry a link there. "off": none. Default: the module's. */
  readonly errorHelpUrl?: string | undefined;
  /** Whether errors about requests that cannot be read carry a reason and the field to blame. They do by default. */
  readonly explainErrors?: boolean;
  /** The time for in-flight calls to end once the server closes, before they are cut off. 10,000 ms by default. */
  readonly shutdownGraceMs?: number;
}

/** The paths of PEM files. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** Who signs client certificates. A client may then show one; one that does not check out is refused. */
  readonly caFile?: string;
  /** How often the files are looked at, to be read again when they have changed, in milliseconds. Default 10,000. */
  readonly reloadIntervalMs?: number;
}
