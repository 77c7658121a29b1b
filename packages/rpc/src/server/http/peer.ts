import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

const peers = new WeakMap<object, string>();

/** Who is at the other end: the name on the certificate that was shown, or else the address. Looked up once a connection. */
export function peerOf(socket: Socket): string {
  let peer = peers.get(socket);
  if (peer === undefined) {
    peer = certificateName(socket) ?? socket.remoteAddress ?? "unknown";
    peers.set(socket, peer);
  }
  return peer;
}

function certificateName(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) {
    return undefined;
  }
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === "string" ? name : undefined;
}
