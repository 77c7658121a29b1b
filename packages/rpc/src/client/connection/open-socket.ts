import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { Clock } from "../../environment/clock.ts";
import type { Endpoint, Target } from "./target.ts";
import { whileOpening } from "./while-opening.ts";

/** What TLS needs to know: which authorities to trust, and this side's own certificate. */
export interface TlsOptions {
  /** The certificate authorities to trust, PEM. Default: the system's. */
  readonly ca?: string | Buffer;
  /** Our own certificate, PEM, where the server asks for one. */
  readonly cert?: string | Buffer;
  /** The key of our own certificate, PEM. */
  readonly key?: string | Buffer;
  /** False accepts any certificate. For tests alone. Default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface OpenSocketOptions {
  readonly target: Target;
  readonly clock: Clock;
  /** What is spoken on it (RFC 7301). */
  readonly protocol: "h2" | "http/1.1";
  readonly tls?: TlsOptions | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Connects to a place, TLS handshake included where the target has it. */
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
  // An address cannot be asked for by name (RFC 6066, section 3), and Node throws where one is.
  const servername = /^[\d.]+$|:/.test(target.hostname) ? {} : { servername: target.hostname };
  return connectTls({ host, port, ALPNProtocols: [protocol], ...servername, ...tls }).setNoDelay(true);
}
