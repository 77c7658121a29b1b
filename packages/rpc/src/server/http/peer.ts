import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

const peers = new WeakMap<object, string>();

/** The peer's name: the CN of its client certificate, or without one its address. Cached for each connection. */
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
