import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";

/** A proxy before the Collector that passes bytes on, or answers every request with a status. */
export interface RefusingProxy {
  readonly url: string;
  /** Answers requests with this status from now on; undefined: passes them on. */
  refuseWith(status: number | undefined): void;
  close(): void;
}

/** Starts it on a free local port. */
export async function startRefusingProxy(target: string): Promise<RefusingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let refused: number | undefined;
  const refusals = createHttpServer((request, response) => {
    request.resume().on("end", () => response.writeHead(refused ?? 503, { "retry-after": "1" }).end());
  });
  const server = createServer((socket) => {
    keep(socket);
    if (refused !== undefined) {
      refusals.emit("connection", socket);
      return;
    }
    const collector = connect(Number(port), hostname);
    keep(collector);
    for (const [one, other] of [
      [socket, collector],
      [collector, socket],
    ] as const) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  function keep(socket: Socket) {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  }
  function cut() {
    for (const socket of sockets) {
      socket.destroy();
    }
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as { readonly port: number };
  return {
    url: `http://127.0.0.1:${address.port}`,
    refuseWith(status) {
      refused = status;
      // Connections are kept alive: the next request opens a new one.
      cut();
    },
    close() {
      server.close();
      cut();
    },
  };
}
