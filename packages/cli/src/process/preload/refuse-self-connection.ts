// Loaded before the program. A dial to a closed port of this machine can get the same port as its own local port, if
// it is in the range of ephemeral ports, and TCP then connects the socket to itself (simultaneous open, RFC 9293, section
// 3.5). The caller would talk to itself, and the service that the port belongs to could not listen: EADDRINUSE. Such a
// connection is reset and reported as refused.
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

subscribe("net.client.socket", (message) => {
  const { socket } = message as { readonly socket: Socket };
  // Before other listeners, so that no data is written to it.
  socket.prependOnceListener("connect", () => {
    const { localPort, remotePort, localAddress, remoteAddress } = socket;
    if (localPort !== undefined && localPort === remotePort && localAddress === remoteAddress) {
      const error = new Error(`connect ECONNREFUSED ${remoteAddress}:${remotePort} (it connected to itself)`);
      socket.destroy(Object.assign(error, { code: "ECONNREFUSED", syscall: "connect", port: remotePort }));
    }
  });
});
