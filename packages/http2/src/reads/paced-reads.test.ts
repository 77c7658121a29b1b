import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { encodeFields, Http2Connection, ReadTurns } from "../index.ts";

const limits = { streamWindowBytes: 1 << 16, connectionWindowBytes: 1 << 20, headerBytesMax: 1 << 14 };
const request = encodeFields([":method", "POST", ":scheme", "http", ":path", "/", ":authority", "here"]);
const answer = encodeFields([":status", "200"]);

let server: Server | undefined;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) {
    socket.destroy();
  }
  server?.close();
});

/** A server that works a third of a millisecond on each request. Records the order of the requests, by connection. */
async function serve(turns: ReadTurns | undefined, groupOf: (number: number) => string = String) {
  const order: number[] = [];
  const behind: number[] = [];
  let count = 0;
  server = createServer((socket) => {
    const number = count++;
    sockets.push(socket);
    const connection = new Http2Connection(socket, {
      ...limits,
      role: "server",
      streamsMax: 10_000,
      turns,
      turnGroup: groupOf(number),
      listener: {
        onStream(stream) {
          order.push(number);
          behind.push(connection.behindMs);
          const untilMs = performance.now() + 0.33;
          while (performance.now() < untilMs) {}
          stream.sendHeaders(answer, true);
        },
      },
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { order, behind, port: (server.address() as AddressInfo).port };
}

async function open(port: number): Promise<Http2Connection> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  const ready = Promise.withResolvers<void>();
  const connection = new Http2Connection(socket, {
    ...limits,
    role: "client",
    listener: { onSettings: () => ready.resolve() },
  });
  await ready.promise;
  return connection;
}

test("a connection with much work yields to others, and loses no data", async () => {
  const { order, behind, port } = await serve(new ReadTurns(5));
  const [greedy, quiet] = [await open(port), await open(port)];
  for (let count = 0; count < 1_500; count++) {
    greedy.open(request).end();
  }
  await expect.poll(() => order.length).toBeGreaterThan(0);
  // The test itself, in the same event loop, gets turns in between.
  const before = order.length;
  expect(before).toBeLessThan(1_200);
  quiet.open(request).end();
  await expect.poll(() => order.length, { timeout: 20_000 }).toBe(1_501);
  // Counted, not timed: the others' slices of some turns came first, and not all data of the greedy one.
  expect(order.indexOf(1) - before).toBeLessThan(300);
  // Waiting bytes report their wait; bytes read at once do not.
  expect(Math.max(...behind)).toBeGreaterThan(50);
  expect(behind[order.indexOf(1)]).toBe(0);
});

test("many connections of one group take no more of another's turns than one does", async () => {
  const { order, port } = await serve(new ReadTurns(5), (number) => (number < 60 ? "many" : "other"));
  const many: Http2Connection[] = [];
  for (let count = 0; count < 60; count++) {
    many.push(await open(port));
  }
  const other = await open(port);
  for (let count = 0; count < 10; count++) {
    for (const connection of many) {
      connection.open(request).end();
    }
  }
  await expect.poll(() => order.length).toBeGreaterThan(0);
  const before = order.length;
  other.open(request).end();
  await expect.poll(() => order.length, { timeout: 50_000 }).toBe(60 * 10 + 1);
  // Counted, not timed. One by one, all connections of the many would come first, with four calls each.
  expect(order.indexOf(60) - before).toBeLessThan(60);
}, 60_000);

const large = { ...limits, streamWindowBytes: 8 << 20, connectionWindowBytes: 1 << 30 };
const ignored = { onHeaders() {}, onTrailers() {}, onClose() {} };

/** A server with large windows that responds with this body to each request, and a client of it. */
async function openLarge(body: Buffer, turns: { readonly server?: ReadTurns; readonly client?: ReadTurns }) {
  server = createServer((socket) => {
    sockets.push(socket);
    new Http2Connection(socket, {
      ...large,
      role: "server",
      streamsMax: 2_000,
      turns: turns.server,
      listener: {
        onStream(stream) {
          stream.sendHeaders(answer);
          stream.end(body);
        },
      },
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket);
  const ready = Promise.withResolvers<void>();
  const client = new Http2Connection(socket, {
    ...large,
    role: "client",
    turns: turns.client,
    listener: { onSettings: () => ready.resolve() },
  });
  await ready.promise;
  return { client, socket };
}

test("a client handles responses in slices, and other work runs between them", async () => {
  const body = Buffer.alloc(4 << 20);
  const { client } = await openLarge(body, { client: new ReadTurns(5) });
  let [bytes, turns, isOver] = [0, 0, false];
  const countTurn = () => {
    turns++;
    if (!isOver) setImmediate(countTurn);
  };
  await new Promise<void>((resolve) => {
    const stream = client.open(request);
    stream.listener = {
      ...ignored,
      onHeaders: () => setImmediate(countTurn),
      onData(piece) {
        bytes += piece.length;
        stream.taken(piece.length);
        const untilMs = performance.now() + piece.length / 8_192;
        while (performance.now() < untilMs) {}
      },
      onEnd: resolve,
    };
    stream.end();
  });
  isOver = true;
  expect(bytes).toBe(body.length);
  // Half a second of work. Node reads up to 2 MiB from a socket in one turn.
  expect(turns).toBeGreaterThan(25);
}, 20_000);

test("a server reads on once large responses are sent, also if it was paused for its turn", async () => {
  const turns = new ReadTurns(0.001);
  const others = setInterval(() => turns.defer(() => {}, { group: "others", kind: "idle" }), 1);
  const { client, socket } = await openLarge(Buffer.alloc(50_000), { server: turns });
  let ended = 0;
  for (let count = 0; count < 1_500; count++) {
    const stream = client.open(request);
    stream.listener = { ...ignored, onData: (piece) => stream.taken(piece.length), onEnd: () => ended++ };
    // Several chunks of requests.
    stream.end(Buffer.alloc(100));
  }
  // The responses fill the kernel's buffers and the server's.
  socket.pause();
  setTimeout(() => socket.resume(), 500);
  await expect.poll(() => ended, { timeout: 15_000 }).toBe(1_500);
  clearInterval(others);
}, 20_000);
