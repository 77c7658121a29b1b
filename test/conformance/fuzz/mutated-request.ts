import { gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EchoRequestSchema } from "@parley/gen/echo/v1/echo_service_pb.js";

/** A request on the wire. */
export interface WireRequest {
  readonly httpVersion: 1 | 2;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body, in the chunks in which it is sent. */
  readonly chunks: readonly Buffer[];
}

/** Pseudo-random numbers; the same seed gives the same numbers (mulberry32). */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomOf>;

interface Draft {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const path = "/echo.v1.EchoService/Echo";

/** The streaming service and its methods. */
export const streamService = "/bench.v1.StreamService/";
const streamPaths = [`${streamService}Repeat`, `${streamService}Chat`];

/** The request of a seed: a valid request with up to three mutations. */
export function mutatedRequest(seed: number): WireRequest {
  const random = randomOf(seed);
  const kind = pick(random, kinds);
  const draft = kind.make(pick(random, messages)(random));
  if (kind.streams === true) {
    draft.path = pick(random, streamPaths);
  }
  for (let count = random(4); count > 0; count--) {
    pick(random, random(3) === 0 ? headerMutations : bodyMutations)(draft, random);
  }
  return {
    httpVersion: kind.httpVersion(random),
    method: draft.method,
    path: draft.path,
    headers: draft.headers,
    chunks: draft.method === "GET" ? [] : split(draft.body, random),
  };
}

interface Kind {
  readonly streams?: boolean;
  make(message: string): Draft;
  httpVersion(random: Random): 1 | 2;
}

const kinds: readonly Kind[] = [
  ...["application/grpc", "application/grpc+proto", "application/grpc-web+proto"].map((type) =>
    enveloped(type, "proto"),
  ),
  ...["application/grpc+json", "application/grpc-web+json"].map((type) => enveloped(type, "json")),
  ...["application/grpc", "application/grpc-web+proto", "application/connect+proto"].map((type) => ({
    ...enveloped(type, "proto"),
    streams: true,
  })),
  ...["application/grpc+json", "application/grpc-web+json", "application/connect+json"].map((type) => ({
    ...enveloped(type, "json"),
    streams: true,
  })),
  bare("application/json", "json"),
  bare("application/json; charset=utf-8", "json"),
  bare("application/proto", "proto"),
  { make: getDraft, httpVersion: either },
];

function enveloped(type: string, codec: "proto" | "json"): Kind {
  return {
    make: (message) => ({
      method: "POST",
      path,
      headers: { "content-type": type, te: "trailers" },
      body: envelope(0, encode(message, codec)),
    }),
    httpVersion: /grpc-web|connect/.test(type) ? either : () => 2,
  };
}

function bare(type: string, codec: "proto" | "json"): Kind {
  return {
    make: (message) => ({
      method: "POST",
      path,
      headers: { "content-type": type, "connect-protocol-version": "1" },
      body: encode(message, codec),
    }),
    httpVersion: either,
  };
}

function getDraft(message: string): Draft {
  const query = new URLSearchParams({ connect: "v1", encoding: "json", message: encode(message, "json").toString() });
  return { method: "GET", path: `${path}?${query}`, headers: {}, body: Buffer.alloc(0) };
}

function either(random: Random): 1 | 2 {
  return random(2) === 0 ? 1 : 2;
}

function encode(message: string, codec: "proto" | "json"): Buffer {
  const request = create(EchoRequestSchema, { message });
  return Buffer.from(
    codec === "proto" ? toBinary(EchoRequestSchema, request) : toJsonString(EchoRequestSchema, request),
  );
}

function envelope(flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** Instructions for the handler of `two-paths.ts`, or texts to echo. */
const messages: readonly ((random: Random) => string)[] = [
  () => "",
  () => "hello",
  (random) => "x".repeat(random(3000)),
  () => "snow ☃ and a \u{1f600}, 100%\r\n\0",
  (random) => `error:${1 + random(16)}`,
  () => "details",
  () => "metadata",
  () => "crash",
];

const bodyMutations: readonly ((draft: Draft, random: Random) => void)[] = [
  (draft, random) => {
    if (draft.body.length > 0) {
      draft.body = Buffer.from(draft.body);
      draft.body[random(draft.body.length)] = random(256);
    }
  },
  (draft, random) => {
    draft.body = draft.body.subarray(0, random(draft.body.length + 1));
  },
  (draft, random) => {
    draft.body = Buffer.concat([draft.body, Buffer.from(Array.from({ length: random(12) }, () => random(256)))]);
  },
  (draft) => {
    draft.body = Buffer.concat([draft.body, draft.body]);
  },
  (draft) => {
    draft.body = Buffer.alloc(0);
  },
  (draft, random) => {
    if (draft.body.length >= 5) {
      draft.body = Buffer.from(draft.body);
      draft.body.writeUInt32BE([0, 1, 7, 0x7fffffff, 0xffffffff, draft.body.length - 5][random(6)] ?? 0, 1);
    }
  },
  (draft, random) => {
    if (draft.body.length >= 5) {
      draft.body = Buffer.from(draft.body);
      draft.body[0] = [0, 1, 2, 0x80, 0x81, 0xff][random(6)] ?? 0;
    }
  },
  (draft) => {
    const compressed = gzipSync(draft.body.subarray(5));
    draft.headers["grpc-encoding"] = "gzip";
    draft.body = envelope(1, compressed);
  },
  (draft) => {
    draft.headers["content-encoding"] = "gzip";
    draft.body = gzipSync(draft.body);
  },
  (draft) => {
    // Small on the wire, large after decompression.
    draft.headers[draft.headers.te === undefined ? "content-encoding" : "grpc-encoding"] = "gzip";
    const bomb = gzipSync(Buffer.alloc(100_000, 0x20));
    draft.body = draft.headers.te === undefined ? bomb : envelope(1, bomb);
  },
  (draft, random) => {
    draft.body = Buffer.from(pick(random, jsonTexts));
  },
  (draft, random) => {
    draft.body = envelope(0, Buffer.from(pick(random, jsonTexts)));
  },
  (draft) => {
    draft.body = Buffer.alloc(5000, 0x41);
  },
];

const jsonTexts = [
  "{",
  "null",
  "[]",
  '"text"',
  "{}",
  '{"message":1}',
  '{"message":null}',
  '{"message":"a","unknown":{"deep":[1,2]}}',
  '{"message":"a","message":"b"}',
  '{"message":"\\ud800"}',
  '\ufeff{"message":"bom"}',
  ` {"message" : "spaces" } `,
  '{"__proto__":{"message":"x"}}',
  "[".repeat(1500),
  '{"message":"a"} x',
];

const headerMutations: readonly ((draft: Draft, random: Random) => void)[] = [
  (draft, random) => {
    draft.headers["content-type"] = pick(random, contentTypes);
  },
  (draft) => {
    delete draft.headers["content-type"];
  },
  (draft, random) => {
    draft.headers["grpc-timeout"] = pick(random, ["10S", "500H", "", "5", "-1S", "1.5S", "123456789m", "10s"]);
  },
  (draft, random) => {
    draft.headers["connect-timeout-ms"] = pick(random, ["10000", "2000000000", "99999999999", "", "-1", "1e4", "a"]);
  },
  (draft, random) => {
    draft.headers["grpc-encoding"] = pick(random, ["identity", "gzip", "br", "x-unknown", ""]);
  },
  (draft, random) => {
    draft.headers["content-encoding"] = pick(random, ["identity", "gzip", "br", "x-unknown"]);
  },
  (draft, random) => {
    draft.headers["accept-encoding"] = pick(random, ["gzip", "br, gzip", "*", "identity;q=0", ""]);
  },
  (draft, random) => {
    draft.headers["x-blob-bin"] = pick(random, ["AAEC", "!!!", "AA==", ""]);
  },
  (draft, random) => {
    draft.method = pick(random, ["PUT", "GET", "DELETE", "PATCH", "POST"]);
  },
  (draft, random) => {
    draft.path = pick(random, [
      `${path}?x=1`,
      `${path}/`,
      path.toLowerCase(),
      `${path}?`,
      "/echo.v1.EchoService/Missing",
    ]);
  },
  (draft, random) => {
    const parameter = pick(random, [
      "&base64=1",
      "&encoding=proto",
      "&compression=gzip",
      "&message=%FF",
      "&connect=v1",
    ]);
    draft.path = draft.path.includes("?") ? draft.path + parameter : draft.path;
  },
];

const contentTypes = [
  "application/grpc",
  "application/grpc+json",
  "application/grpc-web",
  "application/grpc-web+json",
  "application/json",
  "application/proto",
  "application/connect+json",
  "application/connect+proto",
  "application/grpc+thrift",
  "APPLICATION/JSON",
  "text/plain",
  "application/json; charset=latin1",
];

function split(body: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  let rest = body;
  for (let count = random(4); count > 0 && rest.length > 1; count--) {
    const at = 1 + random(rest.length - 1);
    chunks.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  return [...chunks, rest];
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}
