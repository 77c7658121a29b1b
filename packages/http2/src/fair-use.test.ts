import { type Duplex, duplexPair } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnyHttp2Stream } from "./any-connection.ts";
import { errorCode, flag, frameType, preface, setting } from "./frames/constants.ts";
import { encodeFields } from "./hpack/header-encoder.ts";
import { Http2Connection } from "./http2-connection.ts";
import { overheadDefault } from "./peer-work.ts";
import type { StreamListener } from "./streams/stream-listener.ts";
import { collectFrames, frame, settingsPayload, uint32 } from "./testing/frames-fixture.ts";

/** The habits of a widely used client, as the limits on overhead see them. */
interface Habits {
  /** Ends each request with an empty DATA frame, as stream clients do. */
  readonly emptyEnd: boolean;
  /** Of a hundred calls, the number cancelled before they are answered: deadlines, users who close the page, hedging. */
  readonly cancelPercent: number;
  /** Of a hundred calls, the number cancelled while their response is being sent: deadlines that client and server both enforce. */
  readonly crossedPercent: number;
  /** RST_STREAM on each call that was answered before the client had ended it (Envoy, grpc-java). */
  readonly lateResets: boolean;
  /** A PING for each read of DATA (grpc-go, which measures the bandwidth so). */
  readonly pings: boolean;
  /** WINDOW_UPDATE for stream and connection after each DATA (old Go clients, Python's h2), or at half of the window. */
  readonly eagerUpdates: boolean;
  /** SETTINGS with another window now and then (grpc-go, when its estimate changes). */
  readonly settings: boolean;
  readonly answerBytes: number;
  readonly messages: number;
}

const habits: fc.Arbitrary<Habits> = fc.record({
  emptyEnd: fc.boolean(),
  cancelPercent: fc.constantFrom(0, 1, 20, 30),
  crossedPercent: fc.constantFrom(0, 20),
  lateResets: fc.boolean(),
  pings: fc.boolean(),
  eagerUpdates: fc.boolean(),
  settings: fc.boolean(),
  answerBytes: fc.constantFrom(1, 161, 20_000),
  messages: fc.constantFrom(1, 3),
});

const request = encodeFields([":method", "POST", ":scheme", "http", ":path", "/a"]);
const head = encodeFields([":status", "200"]);
const trailers = encodeFields(["grpc-status", "0"]);
const concurrency = 100;
/** Far more event-loop turns than the responses to these calls take. */
const turnsMax = 1_000;

/** The response of a server with the default limits to this many calls of a client with these habits, without pauses. */
async function serve({ calls, use }: { readonly calls: number; readonly use: Habits }): Promise<string[]> {
  const [near, far] = duplexPair();
  const refusals: string[] = [];
  let read = 0;
  const readOf = new Map<number, number>();
  const out: Buffer[] = [];
  const send = (...frames: Buffer[]) => out.push(...frames);
  collectFrames(far, ({ type, flags, id, payload }) => {
    if (use.lateResets && type === frameType.headers && (flags & flag.endStream) !== 0) {
      send(frame(frameType.reset, 0, id, uint32(errorCode.none)));
    } else if (type === frameType.headers && (flags & flag.endStream) !== 0 && id % 100 < use.crossedPercent) {
      send(frame(frameType.reset, 0, id, uint32(errorCode.cancel)));
    }
    if (type === frameType.goaway || (type === frameType.reset && payload.readUInt32BE(0) !== errorCode.none)) {
      refusals.push(`${type} on ${id}: ${payload.toString("latin1")}`);
    } else if (type === frameType.data && payload.length > 0) {
      read += payload.length;
      if (use.pings) {
        send(frame(frameType.ping, 0, 0, Buffer.alloc(8)));
      }
      if (use.eagerUpdates) {
        send(
          frame(frameType.windowUpdate, 0, id, uint32(payload.length)),
          frame(frameType.windowUpdate, 0, 0, uint32(payload.length)),
        );
      } else {
        const readOfStream = (readOf.get(id) ?? 0) + payload.length;
        readOf.set(id, readOfStream);
        if (readOfStream > 32_000) {
          send(frame(frameType.windowUpdate, 0, id, uint32(readOfStream)));
          readOf.delete(id);
        }
        if (read > 32_000) {
          send(frame(frameType.windowUpdate, 0, 0, uint32(read)));
          read = 0;
        }
      }
    }
  });
  const connection = new Http2Connection(near as Duplex, {
    role: "server",
    streamsMax: 1_000,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 1 << 20,
    headerBytesMax: 16_384,
    // Without the tokens that time returns: no rate of calls is too high. A tenth of the default burst, so that fewer calls use it up.
    resets: { burstMax: 2_000, perSecondMax: 0 },
    overhead: { burstMax: overheadDefault.burstMax / 10, perSecondMax: 0 },
    listener: { onStream: (stream) => answer(stream, use) },
  });
  send(preface, frame(frameType.settings, 0, 0));
  let id = 1;
  for (let begun = 0; begun < calls && refusals.length === 0; ) {
    for (let index = 0; index < concurrency; index++, begun++, id += 2) {
      const cancelled = (begun * 37) % 100 < use.cancelPercent;
      send(frame(frameType.headers, flag.endHeaders, id, request));
      if (cancelled) {
        send(frame(frameType.reset, 0, id, uint32(errorCode.cancel)));
        continue;
      }
      for (let message = 1; message <= use.messages; message++) {
        const ends = message === use.messages && !use.emptyEnd && !use.lateResets;
        send(frame(frameType.data, ends ? flag.endStream : 0, id, Buffer.alloc(100)));
      }
      if (use.lateResets) {
        send(frame(frameType.data, 0, id, Buffer.from("last")));
      } else if (use.emptyEnd) {
        send(frame(frameType.data, flag.endStream, id));
      }
    }
    if (use.settings && begun % 1_000 === 0) {
      send(frame(frameType.settings, 0, 0, settingsPayload([setting.initialWindowSize, 65_535 + (begun & 1_023)])));
    }
    // The client respects the limit of concurrent streams: it starts further calls once these are answered.
    for (let turns = 0; turns < 6 || (connection.openCount > 0 && turns < turnsMax); turns++) {
      far.write(Buffer.concat(out.splice(0)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  near.destroy();
  return refusals;
}

/** Returns each message at once, or, if the client delays its END_STREAM, the call as a whole. */
function answer(stream: AnyHttp2Stream, { answerBytes, lateResets }: Habits): void {
  const listener: StreamListener = {
    onHeaders() {},
    onData(bytes) {
      stream.taken(bytes.length);
      if (lateResets && bytes.toString() === "last") {
        stream.end(Buffer.alloc(answerBytes), trailers);
      } else {
        stream.sendData(Buffer.alloc(answerBytes));
      }
    },
    onTrailers() {},
    onEnd: () => stream.end(undefined, trailers),
    onClose() {},
  };
  stream.listener = listener;
  stream.sendHeaders(head);
}

describe("a client that makes calls as clients do", () => {
  it("never reaches a limit, whatever its habits and speed", async () => {
    await fc.assert(
      fc.asyncProperty(habits, async (use) => {
        expect(await serve({ calls: 2_500, use })).toEqual([]);
      }),
      { numRuns: 12 },
    );
  }, 120_000);

  it.each<[string, Partial<Habits>]>([
    ["grpc-go", { pings: true, settings: true }],
    ["grpc-java, Envoy", { lateResets: true, cancelPercent: 20 }],
    ["clients with short deadlines", { cancelPercent: 20, crossedPercent: 20 }],
    ["old Go clients", { eagerUpdates: true, answerBytes: 161, messages: 3 }],
    ["our own streams", { emptyEnd: true }],
    ["all of it", { emptyEnd: true, pings: true, eagerUpdates: true, settings: true, cancelPercent: 45, messages: 3 }],
  ])(
    "gets no GOAWAY in 5,000 calls: %s",
    async (_name, some) => {
      const use = { ...quiet, ...some };
      expect(await serve({ calls: 5_000, use })).toEqual([]);
    },
    60_000,
  );

  it("stays below the limits with 1,500 calls cancelled in one burst on a new connection", async () => {
    expect(await serve({ calls: 1_500, use: { ...quiet, cancelPercent: 100 } })).toEqual([]);
  });

  it("reaches a limit if it keeps cancelling all of its calls, so that the test can fail", async () => {
    expect(await serve({ calls: 3_000, use: { ...quiet, cancelPercent: 100 } })).toHaveLength(1);
  });
});

const quiet: Habits = {
  emptyEnd: false,
  cancelPercent: 0,
  crossedPercent: 0,
  lateResets: false,
  pings: false,
  eagerUpdates: false,
  settings: false,
  answerBytes: 161,
  messages: 1,
};
