import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy that a test can interrupt. */
export interface TcpProxy {
  readonly port: number;
  /**
   * Called with data from a client: `pass` forwards it, `cut-before` cuts the connection instead, `cut-after` cuts it after the server has the
   * data.
   */
  onClientData: (data: Buffer) => "pass" | "cut-before" | "cut-after";
  /** Cuts all connections and refuses new ones. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** How long the server has to process the data before its connection is cut. */
const cutAfterMs = 300;

/** Starts a proxy in front of a server on the loopback interface. */
export async function startTcpProxy(serverPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;

  function forward(client: Socket) {
    const upstream = connect(serverPort, "127.0.0.1");
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        sockets.delete(socket);
        cut();
      });
    }
    upstream.on("data", (data) => client.write(data));
    client.on("data", (data: Buffer) => {
      const fate = proxy.onClientData(data);
      if (fate === "cut-before") {
        cut();
        return;
      }
      upstream.write(data);
      if (fate === "cut-after") {
        // The client gets no response, but the server executes the request.
        client.destroy();
        upstream.removeAllListeners("close");
        setTimeout(() => upstream.destroy(), cutAfterMs);
      }
    });
  }

  const proxy: TcpProxy = {
    get port() {
      return port;
    },
    onClientData: () => "pass",
    async goAway() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
    async comeBack() {
      server = createServer(forward);
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      port = (server.address() as { port: number }).port;
    },
  };
  await proxy.comeBack();
  return proxy;
}
