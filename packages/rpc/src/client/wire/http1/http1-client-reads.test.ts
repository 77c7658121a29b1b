import { once } from "node:events";
import { Agent, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { ReadTurns } from "@parley/http2";
import { afterEach, expect, it } from "vitest";
import { type ClientTurns, paceReads } from "./http1-client-reads.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) {
    close();
  }
});

async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function connectPaced(port: number, turns: ClientTurns = new ReadTurns(4)): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  closing.push(() => socket.destroy());
  await once(socket, "connect");
  paceReads(socket, turns);
  return socket;
}

/** Each piece waits for a turn of its own. */
const pieceByPiece: ClientTurns = { isBusy: true, sliceMs: 0, defer: (work) => setImmediate(work) };

/** Each position is recognized, and no piece divides it evenly. */
function numbered(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => `${index},`).join(""));
}

for (const [name, readers] of [
  ["that reads at once", async (socket: Socket) => text(socket)],
  [
    "that pauses again and again",
    async (socket: Socket) => {
      let read = "";
      socket.on("data", (chunk) => {
        read += chunk;
        socket.pause();
        setImmediate(() => socket.resume());
      });
      await once(socket, "end");
      return read;
    },
  ],
  [
    "that takes a few bytes at a time",
    async (socket: Socket) => {
      let read = "";
      socket.on("readable", () => {
        for (let chunk = socket.read(1_000); chunk !== null; chunk = socket.read(1_000)) {
          read += chunk;
        }
        read += socket.read() ?? "";
      });
      await once(socket, "end");
      return read;
    },
  ],
  [
    "that takes long for each piece",
    async (socket: Socket) => {
      let read = "";
      socket.on("data", (chunk) => {
        read += chunk;
        const untilMs = performance.now() + 1;
        while (performance.now() < untilMs) {
          // Busy.
        }
      });
      await once(socket, "end");
      return read;
    },
  ],
] as const) {
  it(`passes all bytes and the end to a reader ${name}, in order`, async () => {
    const sent = numbered(200_000);
    const port = await serve((socket) => socket.end(sent));
    const read = await readers(await connectPaced(port));
    expect(read === sent.toString()).toBe(true);
  });
}

it("lets others run between the pieces of one read, and reads no more meanwhile", async () => {
  const port = await serve((socket) => socket.on("error", () => {}).write(Buffer.alloc(4 << 20)));
  const turns = new ReadTurns(1);
  const sockets = await Promise.all(Array.from({ length: 4 }, () => connectPaced(port, turns)));
  let inTurn = 0;
  let inTurnMost = 0;
  let largest = 0;
  let aheadMost = 0;
  for (const socket of sockets) {
    let seen = 0;
    socket.on("data", ({ length }) => {
      const untilMs = performance.now() + 1;
      while (performance.now() < untilMs) {
        // Handling a piece takes as long as a turn.
      }
      seen += length;
      inTurn++;
      largest = Math.max(largest, length);
      aheadMost = Math.max(aheadMost, socket.bytesRead - seen);
    });
  }
  for (let turn = 0; turn < 200; turn++) {
    inTurn = 0;
    await nextTurn();
    inTurnMost = Math.max(inTurnMost, inTurn);
  }
  expect(largest).toBe(8_192);
  // Each of the four may read before the first knows that the turn is used up. Without pieces all of 64 KiB came at once, from each.
  expect(inTurnMost).toBeLessThanOrEqual(5);
  expect(aheadMost).toBeLessThanOrEqual(2 * 65_536);
});

it("drops what waits when the socket is destroyed, and emits nothing after it", async () => {
  const port = await serve((socket) => socket.on("error", () => {}).write(Buffer.alloc(1 << 20)));
  const socket = await connectPaced(port, pieceByPiece);
  let after = 0;
  socket.on("data", () => {
    after += socket.destroyed ? 1 : 0;
    socket.destroy();
  });
  await once(socket, "close");
  await sleep(20);
  expect(after).toBe(0);
});

/** A response of this many bytes, if they suffice, its headers included. */
function response(body: string, size = 0): string {
  const head = (length: number) => `HTTP/1.1 200 OK\r\ncontent-length: ${String(length).padStart(6, "0")}\r\n\r\n`;
  const padded = body.padEnd(size - head(0).length);
  return head(padded.length) + padded;
}

// After a response of whole pieces, the rest waits when the parser is done.
for (const size of [100, 8_192, 8_193, 40_960]) {
  it(`takes no bytes after a response of ${size} bytes for the response to the next request`, async () => {
    const port = await serve((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        const wanted = /\/(\w+) HTTP/.exec(String(bytes))?.[1] ?? "";
        socket.write(response(wanted, size) + response("forged").repeat(1_000));
      });
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    closing.push(() => agent.destroy());
    agent.createConnection = ((_options: unknown, callback: (error: Error | null, socket: Socket) => void) => {
      void connectPaced(port, pieceByPiece).then((socket) => callback(null, socket));
    }) as typeof agent.createConnection;
    for (const wanted of ["first", "second", "third"]) {
      const pending = request({ agent, host: "127.0.0.1", port, path: `/${wanted}` }).end();
      const got = await once(pending, "response")
        .then(([answer]) => text(answer))
        .catch(() => "failed");
      expect([wanted, "failed"]).toContain(got.trimEnd());
    }
  });
}
