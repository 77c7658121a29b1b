import type { Attack, AttackOptions, AttackReport, AttackTarget } from "../attack.ts";
import { type Dialect, requestFields, unaryDialects } from "../wire/call.ts";
import {
  acknowledge,
  data,
  type Field,
  frame,
  frameType,
  headers,
  literal,
  ping,
  preface,
  prefixed,
  reset,
  settings,
} from "../wire/http2-frames.ts";
import { envelope, lengthDelimited } from "../wire/protobuf.ts";
import { RawHttp2 } from "../wire/raw-http2.ts";

const path = "/product.v1.ProductService/GetProduct";
const json = unaryDialects.find(({ name }) => name === "Connect/2 json") as Dialect;
const grpc = unaryDialects.find(({ name }) => name === "gRPC") as Dialect;

interface Case {
  readonly name: string;
  readonly send: (connection: RawHttp2, target: AttackTarget) => Promise<void> | void;
  /** `answered`, `reset N` or `goaway N`; alternatives are separated by `or`. */
  readonly expected: string;
  readonly first?: Buffer | ((target: AttackTarget) => readonly Buffer[]);
}

const call = (more: readonly Field[] = []) => requestFields(json, { path, more });
/** The fields of a call, with the value of one replaced. */
const but = (name: string, value: string) => call().map(([each, was]) => [each, each === name ? value : was] as const);
const body = ({ productId }: AttackTarget) => JSON.stringify({ productId });

/** Invalid content-length values: not `1*DIGIT` (RFC 9110, section 8.6), or not the body's length. */
const lengths: Readonly<Record<string, (bytes: number) => string>> = {
  "no number": () => "abc",
  negative: () => "-5",
  "an exponent": (bytes) => `${bytes / 10}e1`,
  hexadecimal: (bytes) => `0x${bytes.toString(16)}`,
  "a plus sign": (bytes) => `+${bytes}`,
  "a fraction": (bytes) => `${bytes}.0`,
  empty: () => "",
  "above 2^64": () => "99999999999999999999",
  "a list of different ones": (bytes) => `${bytes}, 5`,
  "one less": (bytes) => String(bytes - 1),
  "one more": (bytes) => String(bytes + 1),
};

/** A complete request with the given fields. */
const request = (fields: readonly Field[]) => (connection: RawHttp2, target: AttackTarget) =>
  connection.send(Buffer.concat([headers(1, fields), data(1, body(target))]));

const cases: readonly Case[] = [
  ...Object.entries(lengths).map(
    ([what, length]): Case => ({
      name: `content-length: ${what}`,
      expected: "reset 1 or answered 4xx",
      send: (connection, target) =>
        request(call([["content-length", length(body(target).length)]]))(connection, target),
    }),
  ),
  {
    name: "two content-lengths that differ",
    expected: "reset 1 or answered 4xx",
    send: (connection, target) => {
      const right = String(body(target).length);
      return connection.send(
        Buffer.concat([
          headers(
            1,
            call([
              ["content-length", right],
              ["content-length", "5"],
            ]),
          ),
          data(1, body(target)),
        ]),
      );
    },
  },
  {
    name: "a stream id below an earlier one",
    expected: "goaway 1 or goaway 5",
    send: (connection, target) =>
      connection.send(
        Buffer.concat([headers(5, call()), data(5, body(target)), headers(3, call()), data(3, body(target))]),
      ),
  },
  {
    name: "HEADERS on a closed stream",
    expected: "goaway 5 or goaway 1",
    send: async (connection, target) => {
      await connection.send(Buffer.concat([headers(1, call()), data(1, body(target))]));
      await connection.while(() => connection.ended === 0, 3_000);
      await connection.send(headers(1, call(), true));
    },
  },
  {
    name: "a stream with an even id",
    expected: "goaway 1",
    send: (connection) => connection.send(headers(2, call(), true)),
  },
  { name: "DATA on an idle stream", expected: "goaway 1", send: (connection) => connection.send(data(1, "x")) },
  { name: "RST_STREAM on an idle stream", expected: "goaway 1", send: (connection) => connection.send(reset(1)) },
  { name: "a PING of 7 bytes", expected: "goaway 6", send: (connection) => connection.send(ping("1234567")) },
  {
    name: "a PING on a stream",
    expected: "goaway 1",
    send: (connection) => connection.send(frame({ type: frameType.ping, stream: 1 }, Buffer.alloc(8))),
  },
  {
    name: "SETTINGS of 5 bytes",
    expected: "goaway 6",
    send: (connection) => connection.send(frame({ type: frameType.settings }, Buffer.alloc(5))),
  },
  {
    name: "a SETTINGS acknowledgement with content",
    expected: "goaway 6",
    send: (connection) => connection.send(frame({ type: frameType.settings, flags: acknowledge }, Buffer.alloc(6))),
  },
  {
    name: "a window above the largest",
    expected: "goaway 3",
    send: (connection) => connection.send(settings([[4, 0x80000000]])),
  },
  {
    name: "a frame above SETTINGS_MAX_FRAME_SIZE",
    expected: "goaway 6",
    send: (connection) => connection.send(Buffer.concat([headers(1, call()), data(1, Buffer.alloc(16_385))])),
  },
  {
    name: "PUSH_PROMISE by a client",
    expected: "goaway 1",
    send: (connection) => connection.send(frame({ type: frameType.pushPromise, flags: 4, stream: 1 }, Buffer.alloc(4))),
  },
  {
    name: "CONTINUATION without HEADERS",
    expected: "goaway 1",
    send: (connection) => connection.send(frame({ type: frameType.continuation, flags: 4, stream: 1 })),
  },
  {
    name: "an index beyond the table",
    expected: "goaway 9",
    send: (connection) => connection.send(headers(1, prefixed(99, 7, 0x80), true)),
  },
  {
    name: "a size update above SETTINGS_HEADER_TABLE_SIZE",
    expected: "goaway 9",
    send: (connection) => connection.send(headers(1, prefixed(4_097, 5, 0x20), true)),
  },
  {
    name: "a size update after a field",
    expected: "goaway 9",
    send: (connection) =>
      connection.send(headers(1, Buffer.concat([literal(":method", "POST"), prefixed(0, 5, 0x20)]), true)),
  },
  { name: "two :path", expected: "reset 1 or answered 400", send: request([[":path", path], ...call()]) },
  {
    name: "a late pseudo-header",
    expected: "reset 1 or answered 400",
    send: request([...call().slice(1), [":method", "POST"]]),
  },
  { name: "an unknown pseudo-header", expected: "reset 1 or answered 400", send: request([[":x", "y"], ...call()]) },
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map(
    (name): Case => ({
      name: `a "${name}" field`,
      expected: "reset 1 or answered 400",
      send: request(call([[name, "x"]])),
    }),
  ),
  { name: "te: gzip", expected: "reset 1 or answered 400", send: request(call([["te", "gzip"]])) },
  { name: "an empty :path", expected: "reset 1 or answered 400", send: request(but(":path", "")) },
  {
    name: "a :path that is a URL",
    expected: "reset 1 or answered 400",
    send: request(but(":path", `http://localhost${path}`)),
  },
  {
    name: "userinfo in :authority",
    expected: "reset 1 or answered 400",
    send: request(but(":authority", "user:word@localhost")),
  },
  {
    name: "a host unlike :authority",
    expected: "reset 1 or answered 400",
    send: request(call([["host", "elsewhere"]])),
  },
  ...["\0", "\r", "\n", " x", "x "].map(
    (bad): Case => ({
      name: `a field's value of ${JSON.stringify(bad)}`,
      expected: "reset 1 or answered 400",
      send: request(call([["x-bad", bad]])),
    }),
  ),
  ...["", "X", "a b", "a:b", "\x7f", "\xe9"].map(
    (bad): Case => ({
      name: `a field's name of ${JSON.stringify(bad)}`,
      expected: "reset 1 or answered 400 or goaway 1 or goaway 9",
      send: request(call([[bad, "x"]])),
    }),
  ),
  ...[1, 2, 3, 7, 23, 24, 30].map(
    (size): Case => ({
      name: `a preface whose first ${size} bytes come alone`,
      expected: "answered 200",
      first: (target) => {
        const all = Buffer.concat([preface, settings(), headers(1, call()), data(1, body(target))]);
        return [all.subarray(0, size), all.subarray(size)];
      },
      send: () => {},
    }),
  ),
  {
    name: "a table of 0 bytes for the server's encoder",
    expected: "answered 200 with a size update",
    first: Buffer.concat([preface, settings([[1, 0]])]),
    send: (connection, target) => connection.send(Buffer.concat([headers(1, call()), data(1, body(target))])),
  },
  ...[2, 4, 0x80].map(
    (flags): Case => ({
      name: `a gRPC message with the reserved flag ${flags}`,
      expected: "answered grpc-status 13",
      send: (connection, { productId }) =>
        connection.send(
          Buffer.concat([
            headers(1, requestFields(grpc, { path })),
            data(1, envelope(lengthDelimited(1, productId), { flags })),
          ]),
        ),
    }),
  ),
];

/** How long to wait for an outcome. Outcomes arrive at once; only the absence of one takes this long. */
const outcomeMaxMs = 1_500;
const piecesApartMs = 60;

async function outcome({ send, first }: Case, target: AttackTarget): Promise<string> {
  const pieces = typeof first === "function" ? first(target) : undefined;
  const connection = new RawHttp2(target.urls.product, {
    acknowledges: pieces === undefined,
    ...(pieces?.[0] === undefined ? (first instanceof Buffer ? { first } : {}) : { first: pieces[0] }),
  });
  try {
    if (pieces?.[1] !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, piecesApartMs));
      await connection.send(pieces[1]);
    }
    await send(connection, target);
    const goaway = () => connection.goaway() ?? 0;
    await connection.while(() => connection.ended === 0 && goaway() === 0, outcomeMaxMs);
    if (connection.ended > 0 && goaway() === 0 && !connection.closed) {
      // A connection error may follow a response that was already in flight.
      await connection.while(() => goaway() === 0, 150);
    }
    if (goaway() !== 0) return `goaway ${goaway()}`;
    const resetFrame = connection.frames.find(({ type }) => type === frameType.reset);
    if (resetFrame !== undefined) return `reset ${resetFrame.payload.readUInt32BE(0)}`;
    const answer = connection.frames.filter(({ type }) => type === frameType.headers);
    if (answer.length === 0) return connection.closed ? "connection closed" : "nothing";
    return `answered ${status(answer.map(({ payload }) => payload))}`;
  } finally {
    connection.close();
  }
}

/**
 * Decodes as much of a header block as is needed for the status: indexed fields (RFC 7541, appendix A) and literals in plain
 * text or Huffman code.
 */
function status(blocks: readonly Buffer[]): string {
  const first = blocks[0] as Buffer;
  const sizeUpdate = ((first[0] ?? 0) & 0xe0) === 0x20 ? " with a size update" : "";
  const at = sizeUpdate === "" ? 0 : 1;
  const indexed: Readonly<Record<number, string>> = { 136: "200", 139: "304", 140: "400", 141: "404", 142: "500" };
  const all = Buffer.concat(blocks).toString("latin1");
  const grpcStatus = /grpc-status(.)(\d+)/s.exec(all)?.[2];
  if (grpcStatus !== undefined) return `grpc-status ${grpcStatus}${sizeUpdate}`;
  const known = indexed[first[at] ?? 0];
  const written = /:status.(\d{3})|^[H\b].(\d{3})/s.exec(all.slice(at));
  return `${known ?? written?.[1] ?? written?.[2] ?? "4xx"}${sizeUpdate}`;
}

function isExpected(got: string, expected: string): boolean {
  return expected
    .split(" or ")
    .some((each) =>
      each === "answered 4xx"
        ? /^answered 4/.test(got)
        : got === each || (each === "answered 400" && /^answered (400|4xx)/.test(got)),
    );
}

async function framing(target: AttackTarget, { signal }: AttackOptions): Promise<AttackReport> {
  const findings: string[] = [];
  const pending = [...cases];
  // Eight at a time, because each case without a response waits for its timeout.
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = pending.shift(); next !== undefined && !signal.aborted; next = pending.shift()) {
        const got = await outcome(next, target);
        if (!isExpected(got, next.expected)) findings.push(`${next.name}: ${got}, expected ${next.expected}`);
      }
    }),
  );
  return { findings, note: `${cases.length - findings.length} of ${cases.length} as the RFC says` };
}

/** Behaviour that proxies and other clients show every day must not exceed any limit. */
async function innocent(
  target: AttackTarget,
  { signal, scale }: AttackOptions & { readonly scale: number },
): Promise<AttackReport> {
  const findings: string[] = [];
  const count = Math.max(2_000, Math.round(20_000 * scale));
  const ways: Readonly<Record<string, (stream: number) => Buffer>> = {
    "empty DATA with END_STREAM": (stream) =>
      Buffer.concat([headers(stream, call()), data(stream, body(target), false), data(stream, "", true)]),
    "a PING with each call": (stream) => Buffer.concat([headers(stream, call()), data(stream, body(target)), ping()]),
    "a WINDOW_UPDATE with each call": (stream) =>
      Buffer.concat([
        headers(stream, call()),
        data(stream, body(target)),
        frame({ type: frameType.windowUpdate }, Buffer.from([0, 0, 1, 0])),
      ]),
  };
  for (const [what, make] of Object.entries(ways)) {
    const connection = new RawHttp2(target.urls.product);
    let streams = 0;
    while (streams < count && !signal.aborted && !connection.closed) {
      const batch = Array.from({ length: 20 }, () => make(1 + 2 * streams++));
      await connection.send(Buffer.concat(batch));
      await connection.while(() => streams - connection.ended > 60, 10_000);
    }
    if (connection.closed || connection.goaway() !== undefined)
      findings.push(`${what}: connection ended after ${streams} calls`);
    connection.close();
  }
  const proxy = new RawHttp2(target.urls.product);
  const cancels = 1_500;
  await proxy.roundTrip(5_000);
  for (let index = 0; index < cancels && !proxy.closed; index += 50) {
    const batch = Array.from({ length: 50 }, (_, each) =>
      Buffer.concat([headers(1 + 2 * (index + each), call()), reset(1 + 2 * (index + each))]),
    );
    await proxy.send(Buffer.concat(batch));
    await proxy.roundTrip(5_000);
  }
  if (proxy.closed || proxy.goaway() !== undefined)
    findings.push(`${cancels} cancels in a burst end a connection that many users share`);
  proxy.close();
  return { findings, note: `${Object.keys(ways).length} ways × ${count} calls, ${cancels} cancels` };
}

export const http2Framing: readonly Attack[] = [
  { name: "http2-framing/cases", run: framing },
  { name: "http2-framing/innocent", timeMaxMs: 60_000, run: innocent },
];
