import {
  data,
  endHeaders,
  type Field,
  frame,
  frameType,
  headerBlock,
  headers,
  reset,
  settings,
  windowUpdate,
} from "../wire/http2-frames.ts";

/** The same bytes `count` times. */
export const many = (bytes: Buffer, count: number): Buffer => Buffer.alloc(bytes.length * count, bytes);

/** What a server sends for a call over HTTP/2: first once, and then without end. */
type Flood = (
  stream: number,
  fields: readonly Field[],
) => {
  readonly first?: Buffer;
  readonly endless: Buffer;
};

export const floods: Readonly<Record<string, Flood>> = {
  "push-promises": (stream) => {
    const promised = Buffer.concat([Buffer.from([0, 0, 0, 2]), headerBlock([[":path", "/"]])]);
    return { endless: many(frame({ type: frameType.pushPromise, flags: endHeaders, stream }, promised), 200) };
  },
  "window-changes": () => ({
    endless: settings(Array.from({ length: 2_730 }, (_, index) => [4, 65_535 + (index & 1)] as const)),
  }),
  "table-size-changes": () => ({
    endless: settings(Array.from({ length: 2_730 }, (_, index) => [1, (index & 1) * 4_096] as const)),
  }),
  "stream-limit-changes": () => ({
    endless: settings(Array.from({ length: 2_730 }, (_, index) => [3, index & 1] as const)),
  }),
  "stream-window-updates": (stream) => ({ endless: many(windowUpdate(stream, 1), 900) }),
  "empty-continuations": (stream, fields) => ({
    first: frame({ type: frameType.headers, stream }, headerBlock(fields)),
    endless: many(frame({ type: frameType.continuation, stream }), 900),
  }),
  "padded-data": (stream, fields) => ({
    first: headers(stream, fields),
    // PADDED (RFC 9113, section 6.1).
    endless: many(
      frame({ type: frameType.data, flags: 0x8, stream }, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])),
      60,
    ),
  }),
  "data-after-the-end": (stream, fields) => ({
    first: headers(stream, [...fields, ["grpc-status", "0"]], true),
    endless: many(data(stream, "x", false), 900),
  }),
  "resets-without-end": (stream) => ({ endless: many(reset(stream), 900) }),
  "goaways-without-end": () => ({
    endless: many(frame({ type: frameType.goaway }, Buffer.from([0x7f, 255, 255, 255, 0, 0, 0, 0])), 900),
  }),
  priorities: (stream) => ({
    endless: many(frame({ type: frameType.priority, stream }, Buffer.from([0, 0, 0, 0, 1])), 900),
  }),
};

/** The same over HTTP/1.1. */
export const floods1: Readonly<Record<string, (head: string) => { readonly first: string; readonly endless: string }>> =
  {
    "blank-lines": () => ({ first: "\r\n", endless: "\r\n".repeat(8_000) }),
    "long-status-line": () => ({ first: "HTTP/1.1 200 ", endless: "a".repeat(16_000) }),
    "chunk-extensions": (head) => ({
      first: `${head}transfer-encoding: chunked\r\n\r\n`,
      endless: `1;${"a".repeat(60)}\r\n \r\n`.repeat(200),
    }),
    "long-chunk-extension": (head) => ({
      first: `${head}transfer-encoding: chunked\r\n\r\n1;`,
      endless: "a".repeat(16_000),
    }),
    "long-chunk-size": (head) => ({
      first: `${head}transfer-encoding: chunked\r\n\r\n`,
      endless: "0".repeat(16_000),
    }),
    "trailers-without-end": (head) => ({
      first: `${head}transfer-encoding: chunked\r\n\r\n0\r\n`,
      endless: "x-more: a\r\n".repeat(1_000),
    }),
    "unasked-responses": (head) => ({
      first: `${head}content-length: 0\r\n\r\n`,
      endless: `${head}content-length: 0\r\n\r\n`.repeat(200),
    }),
  };
