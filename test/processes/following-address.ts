import { connect, createServer, type Socket } from "node:net";

/** An address that follows a server from port to port, like a virtual IP address or a load balancer that knows the primary. */
export interface FollowingAddress {
  readonly port: number;
  /** Ends all connections. New ones go to this port of the loopback interface, or are refused if it is undefined. */
  follow(serverPort: number | undefined): void;
  close(): void;
}

export async function startFollowingAddress(): Promise<FollowingAddress> {
  const sockets = new Set<Socket>();
  let target: number | undefined;
  const server = createServer((client) => {
    if (target === undefined) {
      client.destroy();
      return;
    }
    const upstream = connect(target, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as { port: number }).port,
    follow(serverPort) {
      target = serverPort;
      cut();
    },
    close() {
      server.close();
      cut();
    },
  };
}
