import { type AddressInfo, createServer, type Socket } from "node:net";
import { frameType, settings } from "../wire/http2-frames.ts";
import { RawHttp2 } from "../wire/raw-http2.ts";
import type { ClientCalls } from "./client-process.ts";
import type { Malice } from "./malices.ts";

export interface MaliciousServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a server with one malicious behaviour, for the given kind of calls. */
export async function serveMalice(malice: Malice, calls: Omit<ClientCalls, "url">): Promise<MaliciousServer> {
  let closing = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const full = { ...calls, url: "" };
    if (calls.httpVersion === "1.1") {
      const isOver = () => closing || socket.destroyed;
      // One request for each connection: responds to its first bytes.
      socket.once("data", () => {
        socket.resume();
        void malice.onCall1?.(socket, full, isOver);
      });
      return;
    }
    const over = new Set<number>();
    const connection: RawHttp2 = new RawHttp2(socket, {
      first: malice.first2 ?? settings(),
      skippedBytes: 24,
      acknowledges: malice.first2?.length !== 0,
      onFrame({ type, stream }) {
        if (type === frameType.reset) over.add(stream);
        if (type === frameType.headers) {
          void malice.onCall2?.({
            connection,
            stream,
            calls: full,
            isOver: () => closing || connection.closed || over.has(stream),
          });
        }
      },
    });
    void malice.onConnection2?.(connection, () => closing || connection.closed);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      closing = true;
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
