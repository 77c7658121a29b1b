import { describe, expect, it } from "vitest";
import { errorCode, flag, frameType, preface, setting } from "./frames/constants.ts";
import { requestHeaders } from "./header-fields.ts";
import { encodeFields } from "./hpack/header-encoder.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { frame, rawPeer, settingsPayload, uint32 } from "./testing/frames-fixture.ts";

const settings = frame(frameType.settings, 0, 0);
const request = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a"]);
const trailers = encodeFields(["a", "b"]);
const whole = flag.endHeaders | flag.endStream;

/** A server that answers each request once it is complete. */
function answeringServer() {
  const begun: number[] = [];
  const peer = rawPeer("server", {
    onStream(stream, block) {
      begun.push(stream.id);
      stream.expectedBytes = Number(requestHeaders(block)?.["content-length"] ?? -1);
      stream.listener = {
        onHeaders() {},
        onData() {},
        onTrailers() {},
        onClose() {},
        onEnd: () => stream.sendHeaders(encodeFields([":status", "200"]), true),
      };
    },
  });
  const goaway = () => {
    const payload = peer.frames.find(({ type }) => type === frameType.goaway)?.payload;
    return payload === undefined ? undefined : { last: payload.readUInt32BE(0), code: payload.readUInt32BE(4) };
  };
  const resets = () =>
    peer.frames
      .filter(({ type }) => type === frameType.reset)
      .map(({ id, payload }) => [id, payload.readUInt32BE(0)] as const);
  return { ...peer, begun, goaway, resets };
}

describe("headers on a stream that is not open", () => {
  it("end the connection if the stream has ended (RFC 9113, section 5.1)", async () => {
    const { say, goaway, begun } = answeringServer();
    await say(preface, settings, frame(frameType.headers, whole, 1, request));
    await say(frame(frameType.headers, whole, 1, request));
    expect(goaway()).toEqual({ last: 1, code: errorCode.streamClosed });
    expect(begun).toEqual([1]);
  });

  it("end the connection if the peer has reset the stream", async () => {
    const { say, goaway } = answeringServer();
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, request));
    await say(frame(frameType.reset, 0, 1, uint32(errorCode.cancel)), frame(frameType.headers, whole, 1, trailers));
    expect(goaway()?.code).toBe(errorCode.streamClosed);
  });

  it.each([
    [5, 3],
    [5, 1],
    [1001, 999],
  ])("end the connection if stream %i was opened before stream %i (section 5.1.1)", async (first, second) => {
    const { say, goaway, begun } = answeringServer();
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, first, request));
    await say(frame(frameType.headers, whole, second, request));
    expect(goaway()).toEqual({ last: first, code: errorCode.protocol });
    expect(begun).toEqual([first]);
  });

  it("are ignored if this side has reset the stream, and still update the dynamic table", async () => {
    const { say, goaway, resets, begun, connection } = answeringServer();
    const wrong = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a", "content-length", "1"]);
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, wrong));
    await say(frame(frameType.data, 0, 1, Buffer.alloc(2)));
    expect(resets()).toEqual([[1, errorCode.protocol]]);
    // Trailers that add "x: y" to the table, and a request that uses that entry.
    await say(
      frame(frameType.data, 0, 1, Buffer.alloc(2)),
      frame(frameType.headers, whole, 1, Buffer.from("4001780179", "hex")),
    );
    await say(frame(frameType.headers, whole, 3, Buffer.concat([request, Buffer.from([0xbe])])));
    expect(goaway()).toBeUndefined();
    expect(resets()).toHaveLength(1);
    expect(begun).toEqual([1, 3]);
    expect(connection.openCount).toBe(0);
  });

  it("are ignored if the stream was refused", async () => {
    const { say, goaway, resets } = answeringServer();
    await say(preface, settings);
    for (let id = 1; id <= 21; id += 2) {
      await say(frame(frameType.headers, flag.endHeaders, id, request));
    }
    await say(frame(frameType.data, 0, 21, Buffer.alloc(3)), frame(frameType.headers, whole, 21, trailers));
    expect(resets()).toEqual([[21, errorCode.refusedStream]]);
    expect(goaway()).toBeUndefined();
  });
});

describe("a content-length that differs from the body's", () => {
  const post = (length: number) =>
    encodeFields([":method", "POST", ":scheme", "http", ":path", "/a", "content-length", String(length)]);

  it.each<[string, number, readonly Buffer[]]>([
    ["more is sent", 4, [frame(frameType.data, 0, 1, Buffer.alloc(5))]],
    [
      "more is sent in pieces",
      4,
      [frame(frameType.data, 0, 1, Buffer.alloc(4)), frame(frameType.data, 0, 1, Buffer.alloc(1))],
    ],
    ["less is sent", 4, [frame(frameType.data, flag.endStream, 1, Buffer.alloc(3))]],
    [
      "padding does not count as data",
      4,
      [frame(frameType.data, flag.endStream | flag.padded, 1, Buffer.from("\u0001abc\0"))],
    ],
    [
      "trailers come early",
      4,
      [frame(frameType.data, 0, 1, Buffer.alloc(3)), frame(frameType.headers, whole, 1, trailers)],
    ],
    ["content-length is 0 and data is sent", 0, [frame(frameType.data, flag.endStream, 1, Buffer.alloc(1))]],
  ])("resets the stream: %s", async (_name, length, body) => {
    const { say, resets, goaway, connection } = answeringServer();
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, post(length)), ...body);
    expect(resets()).toEqual([[1, errorCode.protocol]]);
    expect(goaway()).toBeUndefined();
    expect(connection.openCount).toBe(0);
  });

  it("counts the body without padding", async () => {
    const { say, resets, frames } = answeringServer();
    const body = frame(frameType.data, flag.endStream | flag.padded, 1, Buffer.from("\u0001abcd\0"));
    await say(preface, settings, frame(frameType.headers, flag.endHeaders, 1, post(4)), body);
    expect(resets()).toEqual([]);
    expect(frames.some(({ type, id }) => type === frameType.headers && id === 1)).toBe(true);
  });
});

describe("the dynamic table size of the peer", () => {
  const tableSize = (bytes: number) =>
    frame(frameType.settings, 0, 0, settingsPayload([setting.headerTableSize, bytes]));
  const blocks = (peer: ReturnType<typeof answeringServer>) =>
    peer.frames.filter(({ type }) => type === frameType.headers).map(({ payload }) => payload[0]);

  it.each([0, 100, 4_095])(
    "below the default is acknowledged by the next header block: %i (RFC 7541, section 4.2)",
    async (bytes) => {
      const peer = answeringServer();
      await peer.say(preface, tableSize(bytes), frame(frameType.headers, whole, 1, request));
      await peer.say(frame(frameType.headers, whole, 3, request), tableSize(50));
      await peer.say(frame(frameType.headers, whole, 5, request));
      // 0x20 sets the size to 0, 0x88 is ":status: 200".
      expect(blocks(peer)).toEqual([0x20, 0x88, 0x88]);
    },
  );

  it.each([4_096, 65_536])("of %i bytes, the default or more, needs no size update", async (bytes) => {
    const peer = answeringServer();
    await peer.say(preface, tableSize(bytes), frame(frameType.headers, whole, 1, request));
    expect(blocks(peer)).toEqual([0x88]);
  });
});

describe("a client's connection", () => {
  function client() {
    const peer = rawPeer("client");
    const seen: string[] = [];
    const open = (): Http2Stream => {
      const stream = peer.connection.open(request);
      stream.listener = {
        onHeaders: () => seen.push("headers"),
        onData: () => seen.push("data"),
        onTrailers: () => seen.push("trailers"),
        onEnd: () => seen.push("end"),
        onClose: () => seen.push("close"),
      };
      stream.end();
      return stream;
    };
    return { ...peer, open, seen };
  }

  it.each<[string, readonly string[]]>([
    ["a second status", [":status", "200", ":status", "200"]],
    ["a late pseudo-header", [":status", "200", "a", "b", ":status", "200"]],
    ["a connection-specific header", [":status", "200", "connection", "close"]],
    ["a status of four digits", [":status", "2000"]],
    ["an invalid content-length", [":status", "200", "content-length", "0x13"]],
    ["two content-length fields", [":status", "200", "content-length", "3", "content-length", "3"]],
  ])("resets a stream whose response has %s", async (_name, fields) => {
    const { say, open, seen, frames, connection } = client();
    const stream = open();
    await say(settings, frame(frameType.headers, flag.endHeaders, 1, encodeFields(fields)));
    expect(seen).toEqual(["close"]);
    expect(stream.resetCode).toBe(errorCode.protocol);
    expect(frames.at(-1)).toMatchObject({ type: frameType.reset, id: 1 });
    expect(connection.openCount).toBe(0);
  });

  it.each<[string, readonly Buffer[]]>([
    ["a content-length above the length of its body", [frame(frameType.data, flag.endStream, 1, Buffer.alloc(2))]],
    ["a body longer than its content-length", [frame(frameType.data, 0, 1, Buffer.alloc(4))]],
    [
      "a connection-specific header in its trailers",
      [
        frame(frameType.data, 0, 1, Buffer.alloc(3)),
        frame(frameType.headers, whole, 1, encodeFields(["connection", "close"])),
      ],
    ],
    [
      "a status in its trailers",
      [
        frame(frameType.data, 0, 1, Buffer.alloc(3)),
        frame(frameType.headers, whole, 1, encodeFields([":status", "200"])),
      ],
    ],
  ])("resets a stream whose response has %s", async (_name, frames) => {
    const { say, open, seen } = client();
    const stream = open();
    const answer = encodeFields([":status", "200", "content-length", "3"]);
    await say(settings, frame(frameType.headers, flag.endHeaders, 1, answer), ...frames);
    expect(stream.resetCode).toBe(errorCode.protocol);
    expect(seen.at(-1)).toBe("close");
    expect(seen).not.toContain("end");
  });

  it("accepts a content-length without a body if the response has none (RFC 9110, section 8.6)", async () => {
    const { say, open, seen } = client();
    open();
    open();
    const head = (status: string) => encodeFields([":status", status, "content-length", "3"]);
    await say(
      settings,
      frame(frameType.headers, whole, 1, head("200")),
      frame(frameType.headers, flag.endHeaders, 3, head("304")),
    );
    await say(frame(frameType.data, flag.endStream, 3));
    expect(seen).toEqual(["headers", "end", "close", "headers", "end", "close"]);
  });

  it("accepts only the PING acknowledgement with its own payload", async () => {
    const { say, connection, frames } = client();
    await say(settings);
    const answered: string[] = [];
    connection.ping(() => answered.push("first"));
    connection.ping(() => answered.push("second"));
    await say(
      frame(frameType.ping, flag.ack, 0, Buffer.alloc(8)),
      frame(frameType.ping, flag.ack, 0, Buffer.alloc(8, 1)),
    );
    expect(answered).toEqual([]);
    const [first, second] = frames.filter(({ type }) => type === frameType.ping).map(({ payload }) => payload);
    expect(first).not.toEqual(second);
    await say(frame(frameType.ping, flag.ack, 0, first));
    expect(answered).toEqual(["first"]);
    await say(frame(frameType.ping, flag.ack, 0, second), frame(frameType.ping, flag.ack, 0, second));
    expect(answered).toEqual(["first", "second"]);
  });
});
