import { type Duplex, duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { errorCode, flag, frameType, preface, setting } from "./frames/constants.ts";
import { encodeFields } from "./hpack/header-encoder.ts";
import { Http2Connection } from "./http2-connection.ts";
import type { PeerLimit } from "./peer-work.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { collectFrames, frame, settingsPayload, uint32 } from "./testing/frames-fixture.ts";

const request = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a"]);
const start = [preface, frame(frameType.settings, 0, 0)];
const resetsBurst = 200;
const overheadBurst = 2_000;

/** A server whose calls stay `pending` until the test answers them, or have a large response that waits for the window. */
function victim(answers: "pending" | "large") {
  const [near, far] = duplexPair();
  const limits: PeerLimit[] = [];
  const streams: Http2Stream[] = [];
  const sent: { readonly id: number; readonly bytes: number }[] = [];
  let goaway: Buffer | undefined;
  collectFrames(far, ({ type, id, payload }) => {
    if (type === frameType.data) {
      sent.push({ id, bytes: payload.length });
    } else if (type === frameType.goaway) {
      goaway = payload;
    }
  });
  far.on("error", () => {});
  const connection = new Http2Connection(near as Duplex, {
    role: "server",
    streamsMax: 1_000,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 1 << 20,
    headerBytesMax: 16_384,
    // Time returns no tokens, however slow the machine is.
    resets: { burstMax: resetsBurst, perSecondMax: 0 },
    overhead: { burstMax: overheadBurst, perSecondMax: 0 },
    listener: {
      onLimit: (limit) => limits.push(limit),
      onStream(stream: Http2Stream, block) {
        if (block.tooLarge || block.malformed) {
          stream.refuse(block.tooLarge ? errorCode.enhanceYourCalm : errorCode.protocol);
          return;
        }
        stream.expectedBytes = Number(block.fields[block.fields.indexOf("content-length") + 1] ?? -1);
        streams.push(stream);
        if (answers === "large" && stream.id !== 5) {
          stream.sendHeaders(encodeFields([":status", "200"]));
          stream.end(Buffer.alloc(100_000));
        }
      },
    },
  });
  return {
    limits,
    connection,
    /** DATA bytes that the server has sent. */
    sent,
    streams,
    get goaway() {
      return goaway;
    },
    /** Sends bytes in pieces of up to 64 KiB, like reads of a socket. */
    say(bytes: Buffer) {
      for (let at = 0; at < bytes.length && !connection.destroyed; at += 65_536) {
        near.emit("data", bytes.subarray(at, at + 65_536));
      }
    },
  };
}

function headers(id: number, { ends = false, fields = request }: { ends?: boolean; fields?: Uint8Array } = {}): Buffer {
  return frame(frameType.headers, flag.endHeaders | (ends ? flag.endStream : 0), id, fields);
}

/** Literal fields without a name: three bytes each. */
const namelessFields = Buffer.alloc(3 * 5_000);
/** A field of 4,000 bytes for the dynamic table, and then its index, one byte each. */
const bomb = Buffer.concat([
  Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4_000, 0x61),
  Buffer.alloc(12_000, 0xbe),
]);
const windowChanges = settingsPayload(
  ...Array.from({ length: 2_730 }, (_, index): [number, number] => [setting.initialWindowSize, 65_535 + (index & 1)]),
);
const length5 = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a", "content-length", "5"]);

interface Attack {
  readonly limit: PeerLimit;
  /** The most rounds that the server may process. */
  readonly roundsMax: number;
  readonly answers?: "pending" | "large";
  /** Streams opened before. */
  readonly open?: number;
  /** One round; `id` is the new stream's id. */
  round(id: number, index: number): readonly Buffer[];
}

const attacks: readonly (readonly [string, Attack])[] = [
  // Calls that either side resets before they are answered.
  ["rapid reset", reset((id) => [headers(id, { ends: true }), frame(frameType.reset, 0, id, uint32(8))])],
  ["WINDOW_UPDATE of 0", reset((id) => [headers(id, { ends: true }), frame(frameType.windowUpdate, 0, id, uint32(0))])],
  [
    "WINDOW_UPDATE that overflows",
    reset((id) => [headers(id, { ends: true }), frame(frameType.windowUpdate, 0, id, uint32(2 ** 31 - 1))]),
  ],
  [
    "DATA on a half-closed stream",
    reset((id) => [headers(id, { ends: true }), frame(frameType.data, 0, id, Buffer.alloc(1))]),
  ],
  ["HEADERS on a half-closed stream", reset((id) => [headers(id, { ends: true }), headers(id, { ends: true })])],
  ["a second HEADERS without the end", reset((id) => [headers(id), headers(id)])],
  [
    "trailers with a pseudo-header",
    reset((id) => [headers(id), headers(id, { ends: true, fields: encodeFields([":path", "/"]) })]),
  ],
  [
    "trailers with a malformed field",
    reset((id) => [headers(id), headers(id, { ends: true, fields: encodeFields(["A", "b"]) })]),
  ],
  [
    "less data than content-length",
    reset((id) => [headers(id, { fields: length5 }), frame(frameType.data, flag.endStream, id, Buffer.alloc(4))]),
  ],
  [
    "more data than content-length",
    reset((id) => [headers(id, { fields: length5 }), frame(frameType.data, 0, id, Buffer.alloc(6))]),
  ],
  ["malformed headers", reset((id) => [headers(id, { ends: true, fields: encodeFields([":path", "/", "A", "b"]) })])],
  [
    "headers that are too large",
    reset((id) => [
      headers(id, {
        ends: true,
        fields: encodeFields(["x", "y".repeat(16_300), "z", "z".repeat(50)]).subarray(0, 16_384),
      }),
    ]),
  ],
  ["more data than the window", { ...reset((id) => [headers(id), ...overrun(id)]) }],
  // Frames without a call's data.
  ["PING", overhead(() => [frame(frameType.ping, 0, 0, Buffer.alloc(8))])],
  ["SETTINGS", overhead(() => [frame(frameType.settings, 0, 0)])],
  ["PRIORITY", overhead(() => [frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 3, 0]))])],
  ["unknown frames", overhead(() => [frame(99, 0, 0)])],
  ["empty DATA", { ...overhead(() => [frame(frameType.data, 0, 1)]), open: 1 }],
  [
    "DATA that is only padding",
    { ...overhead(() => [frame(frameType.data, flag.padded, 1, Buffer.from([3, 0, 0, 0]))]), open: 1 },
  ],
  ["WINDOW_UPDATE on a stream", { ...overhead(() => [frame(frameType.windowUpdate, 0, 1, uint32(1))]), open: 1 }],
  ["RST_STREAM on a stream that has ended", { ...reset(() => [frame(frameType.reset, 0, 1, uint32(8))]), open: 1 }],
  [
    "WINDOW_UPDATE of one byte on the connection while many streams wait",
    // It earns back a unit for each 512 bytes that it lets the server send.
    {
      ...overhead(() => [frame(frameType.windowUpdate, 0, 0, uint32(1))]),
      open: 900,
      answers: "large",
      roundsMax: 2_010,
    },
  ],
  [
    "window changes in SETTINGS over many streams",
    { ...overhead(() => [frame(frameType.settings, 0, 0, windowChanges)]), open: 900, roundsMax: 10 },
  ],
  [
    "one window change a SETTINGS frame over many streams",
    {
      ...overhead((_id, index) => [
        frame(frameType.settings, 0, 0, settingsPayload([setting.initialWindowSize, 65_535 + (index & 1)])),
      ]),
      open: 900,
      roundsMax: 30,
    },
  ],
  [
    "streams above SETTINGS_MAX_CONCURRENT_STREAMS",
    { ...overhead((id) => [headers(id)]), open: 1_000, roundsMax: overheadBurst / 4 + 1 },
  ],
  [
    "dynamic table size updates",
    {
      ...overhead((id) => [headers(id, { fields: Buffer.concat([Buffer.from([0x20, 0x20]), request]) })]),
      open: 1_000,
      roundsMax: 400,
    },
  ],
  // Header blocks.
  [
    "fields without a name",
    { limit: "header_fields", roundsMax: 1, round: (id) => [headers(id, { fields: namelessFields })] },
  ],
  ["an HPACK bomb", { limit: "header_fields", roundsMax: 1, round: (id) => [headers(id, { fields: bomb })] }],
  [
    "empty CONTINUATION",
    {
      limit: "header_frames",
      roundsMax: 1,
      round: (id) => [
        frame(frameType.headers, 0, id, request),
        ...new Array<Buffer>(40).fill(frame(frameType.continuation, 0, id)),
      ],
    },
  ],
  [
    "CONTINUATION without an end",
    {
      limit: "header_frames",
      roundsMax: 1,
      round: (id) => [
        frame(frameType.headers, 0, id, request),
        ...new Array<Buffer>(20).fill(frame(frameType.continuation, 0, id, Buffer.alloc(16_384))),
      ],
    },
  ],
];

function reset(round: Attack["round"]): Attack {
  return { limit: "stream_resets", roundsMax: resetsBurst + 1, round };
}

function overhead(round: Attack["round"]): Attack {
  return { limit: "overhead_frames", roundsMax: overheadBurst + 1, round };
}

function overrun(id: number): readonly Buffer[] {
  return new Array<Buffer>(5).fill(frame(frameType.data, 0, id, Buffer.alloc(16_384)));
}

describe("a peer that causes endless work", () => {
  it.each(attacks)("gets ENHANCE_YOUR_CALM after a bounded number: %s", async (_name, attack) => {
    const { limit, roundsMax, answers = "pending", open = 0, round } = attack;
    const server = victim(answers);
    server.say(Buffer.concat([...start, ...Array.from({ length: open }, (_, index) => headers(1 + 2 * index))]));
    await turn();
    const before = process.threadCpuUsage();
    let rounds = 0;
    for (; !server.connection.destroyed && rounds <= roundsMax; rounds++) {
      server.say(Buffer.concat(round(1 + 2 * (open + rounds), rounds)));
      if (rounds % 100 === 0) {
        await turn();
      }
    }
    const { user, system } = process.threadCpuUsage(before);
    await turn();
    expect(server.limits).toEqual([limit]);
    expect(server.goaway?.readUInt32BE(4)).toBe(errorCode.enhanceYourCalm);
    expect(server.goaway?.toString("latin1", 8)).toMatch(/too (many|large)|far larger/);
    expect(rounds).toBeLessThanOrEqual(roundsMax);
    // Far more than needed, and far fewer than each of these attacks reached before it was counted.
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });

  it("may continue up to the limit", () => {
    const server = victim("pending");
    server.say(Buffer.concat(start));
    const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
    server.say(Buffer.concat(new Array<Buffer>(overheadBurst - 2).fill(ping)));
    expect(server.connection.destroyed).toBe(false);
    server.say(Buffer.concat(new Array<Buffer>(5).fill(ping)));
    expect(server.limits).toEqual(["overhead_frames"]);
  });
});

describe("streams that wait for the connection's window", () => {
  it("take turns, a whole frame each, and only as much as the window allows", async () => {
    const server = victim("large");
    const ids = Array.from({ length: 50 }, (_, index) => 1 + 2 * index);
    server.say(Buffer.concat([...start, ...ids.map((id) => headers(id, { ends: true }))]));
    await turn();
    const before = server.sent.length;
    for (let index = 0; index < 20; index++) {
      server.say(frame(frameType.windowUpdate, 0, 0, uint32(1_024)));
      await turn();
    }
    const sent = server.sent.slice(before);
    // Every other update allows a frame that is worth its header, each time of another stream.
    expect(sent.map(({ bytes }) => bytes)).toEqual(new Array(10).fill(2_048));
    expect(new Set(sent.map(({ id }) => id)).size).toBe(10);
  });

  it("send small pieces through a window that is too small for larger ones", async () => {
    const server = victim("large");
    server.say(Buffer.concat([...start, headers(1, { ends: true }), headers(3, { ends: true })]));
    await turn();
    const small = server.streams[1];
    server.say(frame(frameType.windowUpdate, 0, 0, uint32(100)));
    server.say(headers(5));
    server.streams[2]?.sendData(Buffer.alloc(60));
    await turn();
    expect(small?.queuedBytes).toBeGreaterThan(0);
    expect(server.sent.at(-1)).toEqual({ id: 5, bytes: 60 });
  });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
