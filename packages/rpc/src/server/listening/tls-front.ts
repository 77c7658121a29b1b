import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { TlsMaterial } from "../../environment/connections/tls-files.ts";
import type { ServerLimits } from "../config/server-limits.ts";
import { detectProtocol } from "./first-bytes.ts";
import type { Http1Side } from "./http1/http1-server.ts";
import type { Http2Side } from "./http2-server.ts";

export interface TlsOptions {
  readonly limits: ServerLimits;
  readonly http1: Http1Side;
  readonly http2: Http2Side;
}

/** Does the TLS handshake of connections, and passes them to the side of their negotiated protocol (ALPN). */
export interface TlsFront {
  accept(socket: Socket): void;
  /** The TCP socket below a TLS socket. Undefined for other sockets. */
  rawSocketOf(socket: Socket): Socket | undefined;
  /** Sets the certificates for new connections. Open connections keep theirs. */
  renew(material: TlsMaterial): void;
}

export function createTls(material: TlsMaterial, { limits, http1, http2 }: TlsOptions): TlsFront {
  const rawSockets = new Map<string, Socket>();
  const server = createServer(
    {
      ...contextOf(material),
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.handshakeTimeoutMs,
      // A client certificate is requested, not required: a client without one is anonymous. An invalid one is refused below.
      ...(material.ca === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
    },
    (socket: TLSSocket) => {
      const showedCertificate = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
      if (showedCertificate && !socket.authorized) {
        socket.destroy();
      } else if (socket.alpnProtocol === "h2") {
        http2.accept(socket);
      } else {
        detectProtocol(socket, limits, () => http1.accept(socket));
      }
    },
  );
  return {
    accept(socket) {
      const peer = peerKey(socket);
      rawSockets.set(peer, socket);
      socket.once("close", () => rawSockets.delete(peer));
      server.emit("connection", socket);
    },
    rawSocketOf: (socket) => rawSockets.get(peerKey(socket)),
    renew: (renewed) => server.setSecureContext(contextOf(renewed)),
  };
}

function contextOf(material: TlsMaterial) {
  return { ...material, minVersion: "TLSv1.2" as const };
}

function peerKey({ remoteAddress, remotePort }: Socket): string {
  return `${remotePort}@${remoteAddress}`;
}
