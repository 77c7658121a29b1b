import {
  type Attack,
  type AttackOptions,
  type AttackReport,
  type AttackTarget,
  pause,
  type ServiceName,
  scaled,
} from "../attack.ts";
import { type Dialect, requestFields, requestHead, streamDialects, unaryDialects, uploadBody } from "../wire/call.ts";
import { data, type Field, headers, preface, reset, settings, windowUpdate } from "../wire/http2-frames.ts";
import { envelope, lengthDelimited } from "../wire/protobuf.ts";
import { RawHttp1 } from "../wire/raw-http1.ts";
import { RawHttp2 } from "../wire/raw-http2.ts";

const [grpc, grpcJson] = streamDialects as readonly [Dialect, Dialect];
const connectJson1 = streamDialects.find(({ name }) => name === "Connect stream/1 json") as Dialect;
const connectJson2 = streamDialects.find(({ name }) => name === "Connect stream/2 json") as Dialect;
const unaryJson2 = unaryDialects.find(({ name }) => name === "Connect/2 json") as Dialect;

/** How long streams and connections stay open, in milliseconds at scale 1. */
const openMs = 8_000;

interface Stream {
  readonly path: string;
  readonly victim: ServiceName;
  readonly message: (target: AttackTarget, codec: Dialect["codec"]) => Buffer;
}

const empty = (codec: Dialect["codec"]) => Buffer.from(codec === "json" ? "{}" : "");
const streams: Readonly<Record<string, Stream>> = {
  "watch-stock": {
    path: "/product.v1.InventoryService/WatchStock",
    victim: "product",
    message: (_, codec) => empty(codec),
  },
  "health-watch": { path: "/grpc.health.v1.Health/Watch", victim: "product", message: (_, codec) => empty(codec) },
  reflection: {
    path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    victim: "product",
    message: (_, codec) => empty(codec),
  },
  "watch-orders": {
    path: "/order.v1.OrderService/WatchOrders",
    victim: "order",
    message: ({ userId }, codec) =>
      codec === "json" ? Buffer.from(JSON.stringify({ userId })) : lengthDelimited(1, userId),
  },
};

/** Opens streams, up to a thousand on each of several connections, and keeps them open. `reflection` stays half-open for writing. */
async function openStreams(
  { path, message, victim }: Stream,
  target: AttackTarget,
  {
    signal,
    count,
    more = [],
  }: { readonly signal: AbortSignal; readonly count: number; readonly more?: readonly Field[] },
): Promise<RawHttp2[]> {
  const dialects = [grpc, grpcJson, connectJson2];
  const opened: RawHttp2[] = [];
  for (let at = 0; at < count && !signal.aborted; at += 1_000) {
    const dialect = dialects[opened.length % dialects.length] as Dialect;
    const connection = new RawHttp2(target.urls[victim]);
    opened.push(connection);
    const sent = envelope(message(target, dialect.codec));
    for (let index = 0; index < Math.min(1_000, count - at) && !connection.closed; index += 50) {
      const batch = Array.from({ length: Math.min(50, count - at - index) }, (_, each) => {
        const stream = 1 + 2 * (index + each);
        return [
          headers(stream, requestFields(dialect, { path, token: target.token, more })),
          data(stream, sent, !path.includes("Reflection")),
        ];
      });
      await connection.send(Buffer.concat(batch.flat()), 3_000);
    }
  }
  return opened;
}

function heldStreams(stream: Stream, count: number) {
  return async (target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const total = scaled(count, scale, Math.min(count, 1_100));
    const opened = await openStreams(stream, target, { signal, count: total });
    await pause(openMs * scale, signal);
    for (const each of opened) each.close();
    return { findings: [], note: `${total} streams, ${opened.length} connections` };
  };
}

/** One stream on each of many connections, so that no connection exceeds its share. */
async function manyConnections(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(2_000, scale, 1_100);
  const opened: RawHttp2[] = [];
  for (let index = 0; index < count && !signal.aborted; index++) {
    const connection = new RawHttp2(target.urls.product);
    opened.push(connection);
    void connection.send(
      Buffer.concat([
        headers(1, requestFields(grpc, { path: "/product.v1.InventoryService/WatchStock" })),
        data(1, envelope(Buffer.alloc(0))),
      ]),
    );
    if (index % 50 === 49) await pause(20, signal);
  }
  await pause(openMs * scale, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${count} connections with a stream each` };
}

/** Calls whose deadline has passed on arrival: each must end and release its concurrency slot. */
async function zeroTimeout(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(1_100, scale, 200);
  const timeouts: readonly (readonly [Dialect, readonly Field[]])[] = [
    [connectJson2, [["connect-timeout-ms", "0"]]],
    [grpc, [["grpc-timeout", "0n"]]],
    [grpcJson, [["grpc-timeout", "1n"]]],
    [connectJson2, [["connect-timeout-ms", "1"]]],
  ];
  for (const [dialect, more] of timeouts) {
    if (signal.aborted) break;
    for (const stream of [streams["watch-stock"], streams["health-watch"]] as Stream[]) {
      const connection = new RawHttp2(target.urls.product);
      for (let index = 0; index < count / 8; index++) {
        const id = 1 + 2 * index;
        const request = requestFields(dialect, { path: stream.path, more });
        await connection.send(
          Buffer.concat([headers(id, request), data(id, envelope(stream.message(target, dialect.codec)))]),
        );
      }
      await connection.while(() => connection.ended < count / 8, 3_000);
      connection.close();
    }
  }
  // Also over HTTP/1.1, on sequential connections.
  for (let index = 0; index < scaled(50, scale, 10) && !signal.aborted; index++) {
    const connection = new RawHttp1(target.urls.product);
    const body = envelope(Buffer.from("{}"));
    const head = requestHead(connectJson1, {
      path: "/product.v1.InventoryService/WatchStock",
      more: [["connect-timeout-ms", "0"]],
    });
    await connection.send(Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body]));
    await connection.while(() => connection.bytesRead === 0, 1_000);
    connection.close();
  }
  return { findings: [], note: `${count} calls with no time left` };
}

/** Watch calls that are cancelled at once, by reset and by a closed connection, with long names to remember. */
async function cancelledWatches(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(4_000, scale, 600);
  const nameBytes = 64 * 1024;
  const message = envelope(lengthDelimited(1, Buffer.alloc(nameBytes, "n")));
  let done = 0;
  while (done < count && !signal.aborted) {
    const connection = new RawHttp2(target.urls.product);
    await connection.roundTrip(3_000);
    for (let index = 0; index < 40 && done < count && !connection.closed && !signal.aborted; index++, done++) {
      const stream = 1 + 2 * index;
      await connection.send(headers(stream, requestFields(grpc, { path: "/grpc.health.v1.Health/Watch" })));
      await uploadBody(connection, message, { stream, maxMs: 2_000 });
      await connection.roundTrip(3_000);
      if (index % 2 === 0) await connection.send(reset(stream));
    }
    connection.close();
  }
  return { findings: [], note: `${done} watches of a name of 64 KiB` };
}

/** Unary requests over HTTP/2 whose bodies stop just before their end. */
async function unfinishedBodies2(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const [connections, perConnection] = [scaled(20, scale, 4), 25];
  const body = Buffer.alloc(3 * 1024 * 1024, " ");
  const opened = Array.from({ length: connections }, () => new RawHttp2(target.urls.product));
  await Promise.all(
    opened.map(async (connection) => {
      for (let index = 0; index < perConnection && !signal.aborted && !connection.closed; index++) {
        const stream = 1 + 2 * index;
        await connection.send(
          headers(stream, requestFields(unaryJson2, { path: "/product.v1.InventoryService/CheckStock" })),
        );
        await uploadBody(connection, body, { stream, maxMs: 1_000, end: false });
      }
    }),
  );
  await pause(1_500, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${connections * perConnection} bodies of 3 MB` };
}

/** The same over HTTP/1.1, where only the socket limits the sender. */
async function unfinishedBodies1(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(400, scale, 120);
  const opened: RawHttp1[] = [];
  const body = Buffer.alloc(3 * 1024 * 1024, " ");
  const dialects = unaryDialects.filter(({ http }) => http === 1);
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const connection = new RawHttp1(target.urls.product);
      opened.push(connection);
      const head = requestHead(dialects[index % dialects.length] as Dialect, {
        path: "/product.v1.InventoryService/CheckStock",
      });
      await connection.send(`${head}content-length: ${body.length + 1}\r\n\r\n`, 2_000);
      await connection.send(body, 2_000);
    }),
  );
  await pause(1_500, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${count} bodies of 3 MB` };
}

/** Large responses over HTTP/2 that the client does not read, with maximum windows. */
async function untakenAnswers2(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const [connections, calls] = [scaled(10, scale, 4), 500];
  const open = Buffer.concat([preface, settings([[4, 0x7fffffff]]), windowUpdate(0, 0x7fffffff - 65_535)]);
  const opened = Array.from(
    { length: connections },
    () => new RawHttp2(target.urls.product, { first: open, reads: false }),
  );
  for (let index = 0; index < calls && !signal.aborted; index += 25) {
    await Promise.all(
      opened.map((connection) => {
        const batch = Array.from({ length: 25 }, (_, each) => {
          const stream = 1 + 2 * (index + each);
          return [
            headers(stream, requestFields(unaryJson2, { path: "/product.v1.ProductService/ListProducts" })),
            data(stream, '{"pageSize":100}'),
          ];
        });
        return connection.send(Buffer.concat(batch.flat()), 1_000);
      }),
    );
  }
  await pause(openMs * scale, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${connections} × ${calls} lists of 200 KB` };
}

/** Repeated bursts of slow calls, as many as a connection allows at once. */
async function burstsOfCalls(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const rounds = scaled(6, scale);
  const perRound = 1_000;
  let done = 0;
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    const connection = new RawHttp2(target.urls.product, {
      first: Buffer.concat([preface, settings([[4, 0x7fffffff]]), windowUpdate(0, 0x7fffffff - 65_535)]),
    });
    await connection.roundTrip(5_000);
    const calls = Array.from({ length: perRound }, (_, index) => [
      headers(1 + 2 * index, requestFields(unaryJson2, { path: "/product.v1.ProductService/ListProducts" })),
      data(1 + 2 * index, '{"pageSize":100}'),
    ]);
    await connection.send(Buffer.concat(calls.flat()), 5_000);
    await connection.while(() => connection.ended < perRound && !signal.aborted, 10_000);
    done += connection.ended;
    connection.close();
  }
  return { findings: [], note: `${rounds} × ${perRound} lists at once, ${done} ended` };
}

/** Pipelined HTTP/1.1 requests whose responses the client does not read. */
function pipelined(
  path: string,
  method: "GET" | "POST",
  body: string,
  size: { readonly connections: number; readonly requests: number },
) {
  return async (target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> => {
    const connections = scaled(size.connections, scale, 20);
    const head = `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n`;
    const content =
      method === "GET" ? "\r\n" : `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    // Large batches on one half of the connections, repeated small ones on the other: a limit on the first may miss the second.
    const batches = [100, 8];
    const opened = Array.from({ length: connections }, () => new RawHttp1(target.urls.product, { reads: false }));
    await Promise.all(
      opened.map(async (connection, index) => {
        const batch = batches[index % batches.length] as number;
        const requests = Buffer.from((head + content).repeat(batch));
        for (let sent = 0; sent < size.requests && !signal.aborted && !connection.closed; sent += batch) {
          await connection.send(requests, 1_000);
          await pause(batch / 10, signal);
        }
      }),
    );
    await pause(openMs * scale * 0.5, signal);
    const ended = opened.filter(({ closed }) => closed).length;
    for (const each of opened) each.close();
    return { findings: [], note: `${connections} × ${size.requests} of ${path}, ${ended} ended` };
  };
}

/** A caller's short deadlines and cancellations on streams must not count against the service behind the gateway. */
async function shortDeadlines(target: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const count = scaled(400, scale, 100);
  for (let index = 0; index < count && !signal.aborted; index++) {
    const connection = new RawHttp1(target.urls.product);
    const headers = index % 2 === 0 ? "x-server-timeout: 0.003\r\n" : "";
    void connection.send(`GET /stock:watch HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`);
    await pause(8, signal);
    connection.close();
  }
  return { findings: [], note: `${count} streams with a deadline of 3 ms, or cancelled` };
}

export const places: readonly Attack[] = [
  ...Object.entries(streams).map(
    ([name, stream]): Attack => ({
      name: `places/1000-${name}`,
      victim: stream.victim,
      run: heldStreams(stream, 1_100),
    }),
  ),
  { name: "places/20000-health-watch", timeMaxMs: 40_000, run: heldStreams(streams["health-watch"] as Stream, 20_000) },
  { name: "places/20000-reflection", timeMaxMs: 40_000, run: heldStreams(streams.reflection as Stream, 20_000) },
  { name: "places/stream-per-connection", run: manyConnections },
  { name: "places/zero-timeout", run: zeroTimeout },
  { name: "places/cancelled-watches", timeMaxMs: 40_000, run: cancelledWatches },
  { name: "places/unfinished-bodies-2", run: unfinishedBodies2 },
  { name: "places/unfinished-bodies-1", run: unfinishedBodies1 },
  { name: "places/untaken-answers-2", run: untakenAnswers2 },
  { name: "places/bursts-of-calls", run: burstsOfCalls },
  {
    name: "places/untaken-answers-1",
    run: pipelined("/product.v1.ProductService/ListProducts", "POST", '{"pageSize":100}', {
      connections: 100,
      requests: 500,
    }),
  },
  {
    name: "places/pipelining",
    run: pipelined("/product.v1.ProductService/GetProduct", "POST", '{"productId":"101"}', {
      connections: 200,
      requests: 2_000,
    }),
  },
  { name: "places/pipelined-health", run: pipelined("/health", "GET", "", { connections: 200, requests: 2_000 }) },
  {
    name: "places/pipelined-unknown-paths",
    run: pipelined("/nothing/here", "GET", "", { connections: 200, requests: 2_000 }),
  },
  { name: "places/short-deadlines", kinds: ["gateway"], run: shortDeadlines },
];
