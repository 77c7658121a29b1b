// Loaded before the program. A dial to a closed port of this machine can get that same port as its own outgoing port, where
// it lies in the range of ephemeral ports, and TCP then connects the socket to itself (simultaneous open, RFC 9293, section
// 3.5). The caller would talk to itself, and the service that the port belongs to could not listen: EADDRINUSE. Such a
// connection is reset and reported as what it is: nobody listens there.
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

subscribe("net.client.socket", (message) => {
  const { socket } = message as { readonly socket: Socket };
  // Before anyone else's listener: nobody may write to it.
  socket.prependOnceListener("connect", () => {
    const { localPort, remotePort, localAddress, remoteAddress } = socket;
    if (localPort !== undefined && localPort === remotePort && localAddress === remoteAddress) {
      const error = new Error(`connect ECONNREFUSED ${remoteAddress}:${remotePort} (it connected to itself)`);
      socket.destroy(Object.assign(error, { code: "ECONNREFUSED", syscall: "connect", port: remotePort }));
    }
  });
});
