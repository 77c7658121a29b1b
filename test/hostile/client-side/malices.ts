import type { Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { uploadBody } from "../wire/call.ts";
import {
  data,
  type Field,
  frame,
  frameType,
  headerBlock,
  headers,
  literal,
  ping,
  prefixed,
  reset,
  settings,
  windowUpdate,
} from "../wire/http2-frames.ts";
import { envelope, lengthDelimited, nestedGroups, repeated } from "../wire/protobuf.ts";
import type { RawHttp2 } from "../wire/raw-http2.ts";
import type { ClientCalls } from "./client-process.ts";
import { floods, floods1, many } from "./floods.ts";

/** A call over HTTP/2 that gets a malicious response. */
interface BadCall {
  readonly connection: RawHttp2;
  readonly stream: number;
  readonly calls: ClientCalls;
  isOver(): boolean;
}

/** A malicious server's behaviour. */
export interface Malice {
  readonly name: string;
  /** The only allowed codes of calls if the response is malformed (RFC 9113, section 8.1.1). Default: any. */
  readonly expected?: readonly string[];
  /** Runs for each HTTP/2 connection, before any call. Default: sends SETTINGS. */
  readonly onConnection2?: (connection: RawHttp2, isOver: () => boolean) => Promise<void> | void;
  /** The first bytes on an HTTP/2 connection. Default: empty SETTINGS. */
  readonly first2?: Buffer;
  readonly onCall2?: (call: BadCall) => Promise<void> | void;
  /** Runs for each request over HTTP/1.1. */
  readonly onCall1?: (socket: Socket, calls: ClientCalls, isOver: () => boolean) => Promise<void> | void;
}

const messageBytes = 4 * 1024 * 1024 - 64;

/** A message of a given size in the `codec`'s most expensive form. */
interface Payload {
  readonly name: string;
  make(calls: ClientCalls): {
    readonly body: Buffer;
    readonly gzip?: true;
    readonly pieceBytes?: number;
    readonly end?: boolean;
  };
}

const enveloped = ({ protocol, method }: ClientCalls) => protocol !== "connect" || method !== "unary";

/** A message in the protocol's framing. */
function framed(calls: ClientCalls, message: Buffer, gzip = false): Buffer {
  const packed = gzip ? gzipSync(message) : message;
  return enveloped(calls) ? envelope(packed, { flags: gzip ? 1 : 0 }) : packed;
}

/** 256 MB of zeros in 256 KB. */
const packedZeros = gzipSync(Buffer.alloc(256 * 1024 * 1024), { level: 9 });
const zeros = (calls: ClientCalls) => (enveloped(calls) ? envelope(packedZeros, { flags: 1 }) : packedZeros);

const byCodec = (calls: ClientCalls, proto: () => Buffer, json: () => Buffer) =>
  calls.codec === "json" ? json() : proto();
const elements = (calls: ClientCalls) =>
  byCodec(
    calls,
    () => repeated(lengthDelimited(1, ""), messageBytes),
    () =>
      Buffer.concat([
        Buffer.from('{"products":[{}'),
        repeated(Buffer.from(",{}"), messageBytes - 64),
        Buffer.from("]}"),
      ]),
  );
const unknown = (calls: ClientCalls) =>
  byCodec(
    calls,
    () => repeated(lengthDelimited(15, ""), messageBytes),
    () => Buffer.concat([Buffer.from('{"x":[[]'), repeated(Buffer.from(",[]"), messageBytes - 64), Buffer.from("]}")]),
  );
const deep = (calls: ClientCalls) =>
  byCodec(
    calls,
    () => nestedGroups(15, messageBytes / 2),
    () =>
      Buffer.concat([
        Buffer.from('{"x":'),
        Buffer.alloc(messageBytes / 2 - 8, "["),
        Buffer.alloc(messageBytes / 2 - 8, "]"),
        Buffer.from("}"),
      ]),
  );

const payloads: readonly Payload[] = [
  { name: "many-elements", make: (calls) => ({ body: framed(calls, elements(calls)) }) },
  { name: "many-elements-gzip", make: (calls) => ({ body: framed(calls, elements(calls), true), gzip: true }) },
  { name: "unknown-fields", make: (calls) => ({ body: framed(calls, unknown(calls)) }) },
  { name: "deep-nesting", make: (calls) => ({ body: framed(calls, deep(calls)) }) },
  { name: "gzip-ratio", make: (calls) => ({ body: zeros(calls), gzip: true }) },
  {
    name: "one-byte-pieces",
    make: (calls) => ({ body: framed(calls, elements(calls).subarray(0, 250_000)), pieceBytes: 1 }),
  },
  { name: "promised-4-MB", make: () => ({ body: envelope(Buffer.alloc(0), { promised: messageBytes }), end: false }) },
  { name: "promised-4-GB", make: () => ({ body: envelope(Buffer.alloc(0), { promised: 0xffffffff }), end: false }) },
  {
    name: "ready-messages",
    make: (calls) => ({
      body: repeated(envelope(Buffer.from(calls.codec === "json" ? "{}" : "")), 5_000_000),
      end: false,
    }),
  },
  {
    name: "endless-message",
    make: (calls) => ({
      body: Buffer.concat([
        enveloped(calls) ? envelope(Buffer.alloc(0), { promised: messageBytes }) : Buffer.alloc(0),
        Buffer.alloc(64 * 1024 * 1024, " "),
      ]),
      end: false,
    }),
  },
];

function contentType({ protocol, codec, method }: ClientCalls): string {
  if (protocol === "grpc") return `application/grpc+${codec}`;
  if (protocol === "grpc-web") return `application/grpc-web+${codec}`;
  return method === "unary" ? `application/${codec}` : `application/connect+${codec}`;
}

function encodingField({ protocol, method }: ClientCalls): string {
  if (protocol !== "connect") return "grpc-encoding";
  return method === "unary" ? "content-encoding" : "connect-content-encoding";
}

function answerFields(calls: ClientCalls, gzip = false): readonly Field[] {
  return [
    [":status", "200"],
    ["content-type", contentType(calls)],
    ...(gzip ? [[encodingField(calls), "gzip"] as const] : []),
  ];
}

function head1(calls: ClientCalls, gzip = false): string {
  const fields = answerFields(calls, gzip).slice(1);
  return `HTTP/1.1 200 OK\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
}

const pauseMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends the same bytes until the client closes the connection. */
async function endlessly(send: (bytes: Buffer) => Promise<void>, bytes: Buffer, isOver: () => boolean): Promise<void> {
  // Bounded by 512 MB, which no client may buffer.
  for (let sent = 0; sent < 512 * 1024 * 1024 && !isOver(); sent += bytes.length) {
    await send(bytes);
    await pauseMs(0);
  }
}

function write(socket: Socket, bytes: Buffer | string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.write(bytes, () => resolve());
  });
}

const endless2 = (bytes: Buffer) => (connection: RawHttp2, isOver: () => boolean) =>
  endlessly((piece) => connection.send(piece, 1_000), bytes, isOver);

/** Malformed response headers (RFC 9113, sections 8.2 and 8.3). */
const malformed: Readonly<Record<string, (fields: readonly Field[]) => readonly Field[]>> = {
  "two-statuses": (fields) => [[":status", "200"], ...fields],
  "two-different-statuses": (fields) => [[":status", "404"], ...fields],
  "late-status": (fields) => [...fields.slice(1), [":status", "200"]],
  "request-field": (fields) => [[":path", "/"], ...fields],
  "connection-field": (fields) => [...fields, ["connection", "close"]],
  "transfer-encoding": (fields) => [...fields, ["transfer-encoding", "chunked"]],
  uppercase: (fields) => [...fields, ["X-Upper", "1"]],
  "line-break": (fields) => [...fields, ["x-break", "a\r\nb: c"]],
  "no-status": (fields) => fields.slice(1),
};

/** Caches the bytes of a payload for each protocol and codec. */
function madeOnce(make: Payload["make"]): Payload["make"] {
  const made = new Map<string, ReturnType<Payload["make"]>>();
  return (calls) => {
    const way = `${calls.protocol} ${calls.codec} ${calls.method}`;
    const known = made.get(way) ?? make(calls);
    made.set(way, known);
    return known;
  };
}

export const malices: readonly Malice[] = [
  ...payloads
    .map(({ name, make }): Payload => ({ name, make: madeOnce(make) }))
    .map(
      ({ name, make }): Malice => ({
        name,
        async onCall2({ connection, stream, calls, isOver }) {
          const { body, gzip, pieceBytes, end } = make(calls);
          await connection.send(headers(stream, answerFields(calls, gzip)));
          await uploadBody(connection, body, {
            stream,
            maxMs: 5_000,
            isOver,
            end: end ?? false,
            ...(pieceBytes === undefined ? {} : { pieceBytes }),
          });
          if (end !== false && !isOver()) await connection.send(headers(stream, [["grpc-status", "0"]], true));
        },
        async onCall1(socket, calls, isOver) {
          const { body, gzip, pieceBytes, end } = make(calls);
          if (pieceBytes === undefined) {
            await write(
              socket,
              `${head1(calls, gzip)}content-length: ${end === false ? body.length + 9 : body.length}\r\n\r\n`,
            );
            await write(socket, body);
            return;
          }
          await write(socket, `${head1(calls, gzip)}transfer-encoding: chunked\r\n\r\n`);
          for (let at = 0; at < body.length && !isOver(); at += 4_000) {
            await write(
              socket,
              Buffer.concat(
                [...body.subarray(at, at + 4_000)].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10])),
              ),
            );
          }
          await write(socket, "0\r\n\r\n");
        },
      }),
    ),
  { name: "no-settings", first2: Buffer.alloc(0), onCall1: () => {} },
  { name: "no-answer" },
  {
    name: "only-headers",
    onCall2: ({ connection, stream, calls }) => connection.send(headers(stream, answerFields(calls))),
    onCall1: (socket, calls) => write(socket, `${head1(calls)}transfer-encoding: chunked\r\n\r\n`),
  },
  {
    name: "a-byte-now-and-then",
    async onCall2({ connection, stream, calls, isOver }) {
      await connection.send(headers(stream, answerFields(calls)));
      while (!isOver()) {
        await connection.send(data(stream, Buffer.from([0]), false));
        await pauseMs(20);
      }
    },
    async onCall1(socket, calls, isOver) {
      await write(socket, `${head1(calls)}transfer-encoding: chunked\r\n\r\n`);
      while (!isOver()) {
        await write(socket, "1\r\n \r\n");
        await pauseMs(20);
      }
    },
  },
  {
    name: "informational-answers",
    async onCall2({ connection, stream, isOver }) {
      await endlessly(
        (piece) => connection.send(piece, 1_000),
        many(
          headers(stream, [
            [":status", "103"],
            ["link", "</x>"],
          ]),
          200,
        ),
        isOver,
      );
    },
    onCall1: (socket, _, isOver) =>
      endlessly(
        (piece) => write(socket, piece),
        many(Buffer.from("HTTP/1.1 103 Early\r\nlink: </x>\r\n\r\n"), 200),
        isOver,
      ),
  },
  {
    name: "endless-headers",
    async onCall2({ connection, stream, isOver }) {
      await connection.send(frame({ type: frameType.headers, stream }, headerBlock([[":status", "200"]])));
      const more = frame({ type: frameType.continuation, stream }, headerBlock([["x-more", "a".repeat(1_000)]]));
      await endlessly((piece) => connection.send(piece, 1_000), many(more, 16), isOver);
    },
    async onCall1(socket, _, isOver) {
      await write(socket, "HTTP/1.1 200 OK\r\n");
      await endlessly(
        (piece) => write(socket, piece),
        many(Buffer.from(`x-more: ${"a".repeat(1_000)}\r\n`), 16),
        isOver,
      );
    },
  },
  {
    name: "hpack-bomb",
    async onCall2({ connection, stream, calls, isOver }) {
      await connection.send(
        headers(stream, Buffer.concat([headerBlock(answerFields(calls)), literal("x", "a".repeat(3_900), 0x40)])),
      );
      await endlessly(
        (piece) => connection.send(piece, 1_000),
        many(headers(stream, many(prefixed(62, 7, 0x80), 16_000)), 4),
        isOver,
      );
    },
  },
  ...Object.entries(floods).map(
    ([name, make]): Malice => ({
      name,
      async onCall2({ connection, stream, calls, isOver }) {
        const { first = Buffer.alloc(0), endless } = make(stream, answerFields(calls));
        await connection.send(first);
        await endlessly((piece) => connection.send(piece, 1_000), endless, isOver);
      },
    }),
  ),
  ...Object.entries(floods1).map(
    ([name, make]): Malice => ({
      name,
      async onCall1(socket, calls, isOver) {
        const { first, endless } = make(head1(calls));
        await write(socket, first);
        await endlessly((piece) => write(socket, piece), Buffer.from(endless), isOver);
      },
    }),
  ),
  { name: "ping-flood", onConnection2: endless2(many(ping(), 900)) },
  { name: "settings-flood", onConnection2: endless2(many(settings([[4, 65_535]]), 900)) },
  { name: "window-update-flood", onConnection2: endless2(many(windowUpdate(0, 1), 900)) },
  { name: "unknown-frames", onConnection2: endless2(many(frame({ type: 0xfa }), 900)) },
  {
    name: "empty-data",
    async onCall2({ connection, stream, calls, isOver }) {
      await connection.send(headers(stream, answerFields(calls)));
      await endlessly((piece) => connection.send(piece, 1_000), many(data(stream, "", false), 900), isOver);
    },
  },
  { name: "no-streams-allowed", first2: settings([[3, 0]]) },
  { name: "no-window", first2: settings([[4, 0]]) },
  {
    name: "goaway-at-once",
    onConnection2: (connection) => connection.send(frame({ type: frameType.goaway }, Buffer.alloc(8))),
  },
  { name: "resets", onCall2: ({ connection, stream }) => connection.send(reset(stream, 7)) },
  ...Object.entries(malformed).map(
    ([name, make]): Malice => ({
      name: `malformed-${name}`,
      expected: ["Internal"],
      onCall2: ({ connection, stream, calls }) => connection.send(headers(stream, make(answerFields(calls)))),
    }),
  ),
  {
    name: "endless-trailers",
    async onCall2({ connection, stream, calls, isOver }) {
      await connection.send(headers(stream, answerFields(calls)));
      await endlessly(
        (piece) => connection.send(piece, 1_000),
        many(headers(stream, [["grpc-status", "0"]]), 500),
        isOver,
      );
    },
  },
  {
    name: "closes-at-once",
    onConnection2: (connection) => connection.close(),
    onCall1: (socket) => void socket.destroy(),
  },
];
