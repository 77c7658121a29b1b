import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, it } from "vitest";
import { boundAnswer } from "./slow-client.ts";

/** Ways in which a handler reads a request that it answers before its end. The result continues with the request afterwards. */
const readers: Readonly<Record<string, (request: IncomingMessage) => Promise<() => unknown>>> = {
  "not at all": async () => () => {},
  "by an iterator that it abandons": async (request) => {
    await request.iterator({ destroyOnReturn: false }).next();
    return () => {};
  },
  "by an iterator that it ends later": async (request) => {
    const iterator = request.iterator({ destroyOnReturn: false });
    await iterator.next();
    return () => iterator.return?.();
  },
  "by an iterator that it reads once more, and ends": async (request) => {
    const iterator = request.iterator({ destroyOnReturn: false });
    await iterator.next();
    return () => iterator.next().then(() => iterator.return?.());
  },
  "by a listener that it removes later": async (request) => {
    const read = () => request.read();
    request.on("readable", read);
    await once(request, "readable");
    return () => request.off("readable", read);
  },
};

it.each(Object.keys(readers))("the rest of a request that was read %s is dropped after its response", async (name) => {
  const server = createServer(async (request, response) => {
    boundAnswer({ request, response, limits: { stallTimeoutMs: 60_000 } });
    if (request.method === "GET") {
      response.end("the next response");
      return;
    }
    const later = await readers[name]?.(request);
    response.once("finish", () => setImmediate(() => later?.()));
    response.end("refused");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").on("error", () => {});
  try {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    const bytes = 1_000_000;
    socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes}\r\n\r\n`);
    socket.write(Buffer.alloc(100_000));
    await expect.poll(() => text, { timeout: 10_000 }).toContain("refused");
    // Much later than the ticks in which Node handles the end of the response.
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(Buffer.alloc(bytes - 100_000));
    socket.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await expect.poll(() => text, { timeout: 10_000 }).toContain("the next response");
  } finally {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});
