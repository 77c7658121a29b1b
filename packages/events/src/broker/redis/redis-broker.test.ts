import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { systemClock } from "@parley/rpc";
import { afterEach, expect, it } from "vitest";
import { testEnvironment } from "../../testing/test-parts.ts";
import { createRedisBroker } from "./redis-broker.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A fake Redis that answers a client's first commands and leaves subscriptions to the test. */
async function fakeRedis(onSubscribe: (socket: Socket, count: number) => void) {
  let subscriptions = 0;
  const sockets = new Set<Socket>();
  const info = "redis_version:7.0.0\r\nloading:0\r\n";
  const answers: Readonly<Record<string, string>> = {
    HELLO: "-ERR unknown command 'HELLO'\r\n",
    INFO: `$${info.length}\r\n${info}\r\n`,
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      for (const [, name = ""] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        if (name.toUpperCase() === "SUBSCRIBE") onSubscribe(socket, ++subscriptions);
        else socket.write(answers[name.toUpperCase()] ?? "+OK\r\n");
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return `redis://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

it("handles connections that end while it subscribes again", async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", note);
  cleanUps.push(() => process.off("unhandledRejection", note));

  const enough = Promise.withResolvers<void>();
  const url = await fakeRedis((socket, count) => {
    // Subscribed once, so that it has a subscription to restore; then Redis dies during each further attempt.
    if (count > 1) {
      socket.destroy();
    } else {
      socket.write("*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", () => setTimeout(() => socket.destroy(), 20));
    }
    if (count === 4) enough.resolve();
  });
  const broker = createRedisBroker({
    url,
    source: "/services/order",
    groups: ["notification"],
    environment: testEnvironment(systemClock),
  });
  cleanUps.push(() => broker.close());
  await enough.promise;
  // An unhandled rejection is reported after the event-loop tick in which it happened.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(unhandled).toEqual([]);
});
