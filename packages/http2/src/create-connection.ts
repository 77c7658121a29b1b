import type { Duplex } from "node:stream";
import type { AnyHttp2Connection, Http2Implementation } from "./any-connection.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { Http2Connection } from "./http2-connection.ts";
import { SessionConnection } from "./node-session/session-connection.ts";

/** A connection over a socket, of the chosen implementation. */
export function createHttp2Connection(
  socket: Duplex,
  {
    implementation = "own",
    ...options
  }: ConnectionOptions & { readonly implementation?: Http2Implementation | undefined },
): AnyHttp2Connection {
  return implementation === "node" ? new SessionConnection(socket, options) : new Http2Connection(socket, options);
}
