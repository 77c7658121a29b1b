import { type Duplex, duplexPair } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnyHttp2Stream } from "./any-connection.ts";
import { errorCode, flag, frameType, preface, setting } from "./frames/constants.ts";
import { encodeFields } from "./hpack/header-encoder.ts";
import { Http2Connection } from "./http2-connection.ts";

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) {
    bytes.writeUInt32BE(value, index * 4);
  }
  return bytes;
}

const settings = frame(frameType.settings, 0, 0);
const request = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a", "content-type", "x"]);
const headersEnd = flag.endHeaders | flag.endStream;

/** A server on one end of a pipe, and its output on the other. `onStream` answers each stream. */
function serverOn(onStream: (stream: AnyHttp2Stream) => void = () => {}) {
  const [near, far] = duplexPair();
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  far.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      frames.push({
        type: rest[3] ?? 0,
        flags: rest[4] ?? 0,
        id: rest.readUInt32BE(5),
        payload: rest.subarray(9, end),
      });
      rest = rest.subarray(end);
    }
  });
  far.on("error", () => {});
  const connection = new Http2Connection(near as Duplex, {
    role: "server",
    streamsMax: 10,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 1 << 20,
    headerBytesMax: 16_384,
    resets: { burstMax: 5, perSecondMax: 1 },
    listener: { onStream },
  });
  const say = async (...bytes: Uint8Array[]) => {
    far.write(Buffer.concat(bytes));
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const goaway = () => frames.find(({ type }) => type === frameType.goaway)?.payload.readUInt32BE(4);
  const resets = () =>
    frames.filter(({ type }) => type === frameType.reset).map(({ id, payload }) => [id, payload.readUInt32BE(0)]);
  return { connection, frames, say, goaway, resets };
}

describe("a peer that violates the protocol", () => {
  const fine = [preface, settings];
  it.each<[string, number, Uint8Array[]]>([
    [
      "sends another connection preface",
      errorCode.protocol,
      [Buffer.from("GET / HTTP/1.1\r\nhost: example.com\r\n\r\n")],
    ],
    ["sends a frame before SETTINGS", errorCode.protocol, [preface, frame(frameType.ping, 0, 0, Buffer.alloc(8))]],
    [
      "sends a frame that is too large",
      errorCode.frameSize,
      [...fine, frame(frameType.data, 0, 1, Buffer.alloc(16_385))],
    ],
    ["sends DATA on stream 0", errorCode.protocol, [...fine, frame(frameType.data, 0, 0, Buffer.alloc(1))]],
    ["sends DATA on an idle stream", errorCode.protocol, [...fine, frame(frameType.data, 0, 1)]],
    ["opens a stream with an even id", errorCode.protocol, [...fine, frame(frameType.headers, headersEnd, 2, request)]],
    [
      "sends an undecodable header block",
      errorCode.compression,
      [...fine, frame(frameType.headers, headersEnd, 1, Buffer.from([0x80]))],
    ],
    [
      "sends more padding than payload",
      errorCode.protocol,
      [...fine, frame(frameType.headers, headersEnd | flag.padded, 1, Buffer.from([9, 0]))],
    ],
    [
      "interrupts a header block",
      errorCode.protocol,
      [...fine, frame(frameType.headers, 0, 1, request), frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ],
    [
      "sends CONTINUATION without HEADERS",
      errorCode.protocol,
      [...fine, frame(frameType.continuation, flag.endHeaders, 1, request)],
    ],
    ["sends PING with the wrong length", errorCode.frameSize, [...fine, frame(frameType.ping, 0, 0, Buffer.alloc(7))]],
    [
      "sends SETTINGS with the wrong length",
      errorCode.frameSize,
      [...fine, frame(frameType.settings, 0, 0, Buffer.alloc(5))],
    ],
    [
      "sets an initial window above 2^31-1",
      errorCode.flowControl,
      [
        ...fine,
        frame(frameType.settings, 0, 0, Buffer.concat([Buffer.from([0, setting.initialWindowSize]), uint32(2 ** 31)])),
      ],
    ],
    [
      "sends WINDOW_UPDATE with an increment of 0",
      errorCode.protocol,
      [...fine, frame(frameType.windowUpdate, 0, 0, uint32(0))],
    ],
    [
      "increases the window beyond 2^31-1",
      errorCode.flowControl,
      [...fine, frame(frameType.windowUpdate, 0, 0, uint32(2 ** 31 - 1))],
    ],
    ["pushes", errorCode.protocol, [...fine, frame(frameType.pushPromise, flag.endHeaders, 1, Buffer.alloc(4))]],
    ["resets an idle stream", errorCode.protocol, [...fine, frame(frameType.reset, 0, 7, uint32(8))]],
  ])("gets GOAWAY with the reason: it %s", async (_name, code, bytes) => {
    const { connection, say, goaway } = serverOn();
    await say(...bytes);
    expect(goaway()).toBe(code);
    expect(connection.destroyed).toBe(true);
  });

  it("gets GOAWAY when it floods", async () => {
    const floods = [
      frame(frameType.ping, 0, 0, Buffer.alloc(8)),
      frame(frameType.settings, 0, 0),
      frame(frameType.priority, 0, 1, uint32(3, 0).subarray(0, 5)),
      frame(frameType.data, 0, 1),
      frame(99, 0, 0),
    ];
    for (const one of floods) {
      const { say, goaway } = serverOn();
      await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, request));
      await say(...new Array<Buffer>(11_000).fill(one));
      expect(goaway()).toBe(errorCode.enhanceYourCalm);
    }
    const parts = serverOn();
    await parts.say(preface, settings, frame(frameType.headers, 0, 1, request));
    await parts.say(...new Array<Buffer>(20).fill(frame(frameType.continuation, 0, 1)));
    expect(parts.goaway()).toBe(errorCode.enhanceYourCalm);
    const resets = serverOn();
    await resets.say(preface, settings);
    for (let id = 1; id < 20; id += 2) {
      await resets.say(frame(frameType.headers, headersEnd, id, request), frame(frameType.reset, 0, id, uint32(8)));
    }
    expect(resets.goaway()).toBe(errorCode.enhanceYourCalm);
  });

  it("never crashes the process, whatever it sends and however it is split", () => {
    const anyFrame = fc
      .tuple(fc.nat(11), fc.nat(255), fc.oneof(fc.nat(9), fc.nat()), fc.uint8Array({ maxLength: 64 }))
      .map(([type, flags, id, payload]) => frame(type, flags, id, payload));
    const likely = fc.constantFrom(
      frame(frameType.headers, headersEnd, 1, request),
      frame(frameType.headers, flag.endHeaders, 3, request),
      frame(frameType.data, flag.endStream, 3, Buffer.alloc(10)),
      frame(frameType.windowUpdate, 0, 3, uint32(100)),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(likely, anyFrame, fc.uint8Array({ maxLength: 20 })), { maxLength: 20 }),
        fc.integer({ min: 1, max: 100 }),
        (frames, pieceBytes) => {
          const [near] = duplexPair();
          const streams: AnyHttp2Stream[] = [];
          new Http2Connection(near as Duplex, {
            role: "server",
            streamsMax: 10,
            streamWindowBytes: 65_535,
            connectionWindowBytes: 1 << 20,
            headerBytesMax: 16_384,
            listener: { onStream: (stream) => streams.push(stream) },
          });
          const bytes = Buffer.concat([preface, settings, ...frames]);
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            near.emit("data", bytes.subarray(at, at + pieceBytes));
          }
          for (const stream of streams) {
            stream.sendHeaders(encodeFields([":status", "200"]));
            stream.end(Buffer.alloc(100));
          }
          near.destroy();
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("a stream", () => {
  const listening = (received: Buffer[], ended: () => void) => ({
    onHeaders: () => {},
    onTrailers: () => {},
    onData: (bytes: Buffer) => received.push(bytes),
    onEnd: ended,
    onClose: () => {},
  });

  it("is received completely however it is split, with padding and priority, and reports its end", async () => {
    const received: Buffer[] = [];
    let ended = 0;
    const { say } = serverOn((stream) => {
      stream.listener = listening(received, () => ended++);
    });
    const padded = Buffer.concat([Buffer.from([3]), uint32(0), Buffer.from([16]), request, Buffer.alloc(3)]);
    const bytes = Buffer.concat([
      ...[preface, settings, frame(frameType.headers, flag.endHeaders | flag.padded | flag.priority, 1, padded)],
      frame(frameType.data, flag.padded, 1, Buffer.from("\u0002ab\0\0")),
      frame(frameType.data, flag.endStream, 1, Buffer.from("cd")),
    ]);
    for (const byte of bytes) {
      await say(Buffer.from([byte]));
    }
    expect(Buffer.concat(received).toString()).toBe("abcd");
    expect(ended).toBe(1);
  }, 20_000);

  it("sends no more than both windows allow, and the rest when they grow", async () => {
    const { say, frames } = serverOn((stream) => {
      stream.sendHeaders(encodeFields([":status", "200"]));
      stream.end(Buffer.alloc(100_000), encodeFields(["grpc-status", "0"]));
    });
    const sent = () =>
      frames.filter(({ type }) => type === frameType.data).reduce((sum, { payload }) => sum + payload.length, 0);
    const small = Buffer.concat([Buffer.from([0, setting.initialWindowSize]), uint32(10)]);
    await say(preface, frame(frameType.settings, 0, 0, small), frame(frameType.headers, headersEnd, 1, request));
    expect(sent()).toBe(10);
    await say(frame(frameType.windowUpdate, 0, 1, uint32(200_000)));
    expect(sent()).toBe(65_535);
    await say(frame(frameType.windowUpdate, 0, 0, uint32(200_000)));
    expect(sent()).toBe(100_000);
    expect(frames.at(-1)).toMatchObject({ type: frameType.headers, flags: headersEnd, id: 1 });
    expect(frames.every(({ payload }) => payload.length <= 16_384)).toBe(true);
  });

  it("that exceeds its window is reset, and others continue", async () => {
    const { say, resets, connection } = serverOn();
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, request));
    await say(...new Array<Buffer>(5).fill(frame(frameType.data, 0, 1, Buffer.alloc(16_384))));
    expect(resets()[0]).toEqual([1, errorCode.flowControl]);
    expect(connection.destroyed).toBe(false);
  });

  it("whose content-length differs from its body is reset", async () => {
    const { say, resets } = serverOn((stream) => {
      stream.expectedBytes = 5;
    });
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, request));
    await say(frame(frameType.data, flag.endStream, 1, Buffer.alloc(4)));
    expect(resets()).toEqual([[1, errorCode.protocol]]);
  });

  it("beyond the limit, or after GOAWAY, is refused", async () => {
    const { say, resets, connection } = serverOn();
    await say(preface, settings);
    for (let id = 1; id <= 21; id += 2) {
      await say(frame(frameType.headers, flag.endHeaders, id, request));
    }
    expect(resets()).toEqual([[21, errorCode.refusedStream]]);
    connection.close();
    await say(frame(frameType.headers, flag.endHeaders, 23, request));
    expect(resets()).toContainEqual([23, errorCode.refusedStream]);
  });

  it("is not read while its peer reads no responses, and again when it does", async () => {
    const [near, far] = duplexPair();
    let begun = 0;
    const headers = encodeFields([":status", "200", "x-long", "x".repeat(8_000)]);
    new Http2Connection(near as Duplex, {
      role: "server",
      streamsMax: 10,
      streamWindowBytes: 65_535,
      connectionWindowBytes: 1 << 20,
      headerBytesMax: 16_384,
      listener: {
        onStream(stream) {
          begun++;
          stream.sendHeaders(headers, true);
        },
      },
    });
    far.write(Buffer.concat([preface, settings]));
    for (let id = 1; id < 4_000; id += 2) {
      far.write(frame(frameType.headers, headersEnd, id, request));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A megabyte of responses waits; so do the other requests of the 2,000.
    expect(begun).toBeGreaterThan(100);
    expect(begun).toBeLessThan(200);
    far.resume();
    await expect.poll(() => begun).toBe(2_000);
  });
});
