import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../environment/clock.ts";
import type { TlsOptions } from "../../environment/connections/tls-files.ts";
import type { Endpoint } from "./resolution/endpoint.ts";
import type { Target } from "./resolution/target.ts";
import { whileOpening } from "./while-opening.ts";

export interface OpenSocketOptions {
  readonly target: Target;
  readonly clock: Clock;
  /** The ALPN protocol (RFC 7301). */
  readonly protocol: "h2" | "http/1.1";
  readonly tls?: TlsOptions | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Connects to an address, TLS handshake included if the target uses TLS. */
export function openSocket(
  endpoint: Endpoint,
  { target, clock, protocol, tls, timeoutMs, signal }: OpenSocketOptions,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = start(endpoint, target, { protocol, tls });
  // An error without a listener, for example a second one, would end the process.
  socket.on("error", ignore);
  const { fail, abort, settle } = whileOpening(socket, {
    clock,
    leftMs: timeoutMs,
    timeoutMs,
    signal,
    onFailed: reject,
  });
  socket.once(target.scheme === "https" ? "secureConnect" : "connect", () => {
    if (target.scheme === "https" && protocol === "h2" && (socket as TLSSocket).alpnProtocol !== "h2") {
      fail(new Error("the server does not offer HTTP/2 in its TLS handshake (ALPN h2)"));
      return;
    }
    settle();
    resolve(socket);
  });
  if (signal.aborted) {
    abort();
  }
  return promise;
}

function ignore(): void {}

function start(
  { host, port }: Endpoint,
  target: Target,
  { protocol, tls = {} }: Pick<OpenSocketOptions, "protocol" | "tls">,
): Socket {
  if (target.scheme === "http") {
    return connectTcp({ host, port, noDelay: true });
  }
  // Of several URLs each has its own name; the addresses of a name have the target's.
  const name = isIP(host) === 0 ? host : target.hostname;
  // An IP address cannot be a server name (RFC 6066, section 3), and Node throws for one.
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return connectTls({ host, port, ALPNProtocols: [protocol], ...servername, ...tls }).setNoDelay(true);
}
