import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { serveEcho } from "../../echo-fixture.ts";

const largeCount = 8;
const smallCount = 50;

// Node stops reading from a connection whose responses are not sent yet, and must read again once they are.
it.each([true, false].flatMap((isPaused) => [0, 10, 25].map((intervalMs) => ({ isPaused, intervalMs }))))(
  "all pipelined requests get responses while large ones are unsent: %o",
  async ({ isPaused, intervalMs }) => {
    const { server } = await serveEcho({
      config: { drainNoticeMs: 0 },
      echo: async ({ message }) => ({ message: message === "large" ? "x".repeat(4_000_000) : message }),
    });
    const socket = connect(server.port, "127.0.0.1");
    try {
      await once(socket, "connect");
      const chunks: Buffer[] = [];
      const answered = new Promise<void>((resolve, reject) => {
        socket
          .on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            if (chunk.includes('"last"')) resolve();
          })
          .on("close", () => reject(new Error("the connection was closed")));
      });
      if (isPaused) socket.pause();
      const ask = (message: string) => {
        const body = JSON.stringify({ message });
        const head = "POST /echo.v1.EchoService/Echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        socket.write(`${head}content-length: ${body.length}\r\n\r\n`);
        socket.write(body);
      };
      for (let round = 0; round < largeCount; round++) {
        ask("large");
        await sleep(intervalMs);
      }
      for (let round = 0; round < smallCount; round++) ask("small");
      ask("last");
      await sleep(100);
      socket.resume();
      await answered;
      const responses = Buffer.concat(chunks)
        .toString("latin1")
        .match(/HTTP\/1\.1 200/g);
      expect(responses).toHaveLength(largeCount + smallCount + 1);
    } finally {
      socket.removeAllListeners("close").destroy();
      await server.close().catch(() => {});
    }
  },
);
