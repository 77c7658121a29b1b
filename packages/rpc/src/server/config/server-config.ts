import type { Http2Implementation } from "@parley/http2";
import type { HostCheck } from "../http/host-check.ts";
import type { ServerLimits } from "./server-limits.ts";

/** The configuration of a server. Everything has a default. */
export interface ServerConfig {
  /** The address to listen on. 127.0.0.1 by default. */
  readonly host?: string;
  /** The port to listen on. By default 0: any that is free. */
  readonly port?: number;
  /** The server's certificate. With it the port speaks TLS only; without it, cleartext only. */
  readonly tls?: TlsConfig;
  /** The address of `/metrics`, `/traces` and a plaintext `/health`. Without it they are on the server's own port. */
  readonly admin?: { readonly host: string; readonly port: number };
  /** Whether gRPC server reflection is offered. True by default. */
  readonly reflection?: boolean;
  /** Whether the last calls are kept, and `rpc.v1.TelemetryService` is offered. True by default. */
  readonly telemetry?: boolean;
  /** The allowed hosts of requests. Any by default. */
  readonly hostCheck?: HostCheck;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<ServerLimits>;
  /** Responses of at least this many bytes are compressed (gzip) for callers that accept it. Never by default. */
  readonly compressBytesMin?: number;
  /**
   * The implementation that reads and writes calls: `own`, the default, directly on the connection; `stock`, Connect's handlers for Fastify,
   * with the same limits. Both send the same responses.
   */
  readonly rpcPath?: "own" | "stock";
  /**
   * The HTTP/2 implementation: `own`, the runtime's, or `node`, `node:http2` with Node's limits on hostile peers instead of the runtime's
   * (docs/security.md). By default the environment's, or else `own`.
   */
  readonly http2?: Http2Implementation;
  /**
   * The time for which a closing server still accepts calls: once after health reports NOT_SERVING, and once more after its port is closed
   * and GOAWAY is sent, while there are connections. 500 ms by default.
   */
  readonly drainNoticeMs?: number;
  /**
   * The time for which a closing server keeps idle HTTP/1.1 connections open after its port is closed, and answers a request on them with
   * `connection: close`. Longer than the idle timeout of a proxy in front, so that no request crosses the end of its connection. By default
   * as long as `drainNoticeMs`, and at most half of `shutdownGraceMs`.
   */
  readonly http1DrainMs?: number;
  /** The URL of the page that documents error reasons, with a section for each. Errors link to it. "off": no link. Default: the module's. */
  readonly errorHelpUrl?: string | undefined;
  /** Whether errors about undecodable requests have a reason and name the field. True by default. */
  readonly explainErrors?: boolean;
  /** The time for in-flight calls to end once the server closes, before they are cut off. 10,000 ms by default. */
  readonly shutdownGraceMs?: number;
}

/** The paths of PEM files. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  /** The CA of client certificates. A client may then send one; an invalid one is refused. */
  readonly caFile?: string;
  /** The interval of checks for changed files, in milliseconds. Default 10,000. */
  readonly reloadIntervalMs?: number;
}
