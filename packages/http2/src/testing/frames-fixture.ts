import { type Duplex, duplexPair } from "node:stream";
import type { ConnectionListener } from "../connection-options.ts";
import { Http2Connection } from "../http2-connection.ts";

/** For tests: a received frame. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** The bytes of a frame. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

/** 32-bit integers. */
export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) {
    bytes.writeUInt32BE(value, index * 4);
  }
  return bytes;
}

/** A payload of SETTINGS. */
export function settingsPayload(...settings: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat(settings.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)])));
}

/** Parses frames, however the bytes are split. */
export function collectFrames(source: Duplex, found: (frame: Frame) => void, skip = 0): void {
  let rest: Buffer = Buffer.alloc(0);
  let skipped = 0;
  source.on("data", (chunk: Buffer) => {
    const passed = Math.min(chunk.length, skip - skipped);
    skipped += passed;
    rest = Buffer.concat([rest, chunk.subarray(passed)]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const [type = 0, flags = 0] = rest.subarray(3, 5);
      found({ type, flags, id: rest.readUInt32BE(5) & 0x7fffffff, payload: Buffer.from(rest.subarray(9, end)) });
      rest = rest.subarray(end);
    }
  });
}

/** A connection on one end of a pipe, and its peer, whose bytes a test writes by hand, on the other. */
export interface RawPeer {
  readonly connection: Http2Connection;
  /** What the connection has sent. */
  readonly frames: readonly Frame[];
  /** Sends bytes, and waits for the connection's answers. */
  say(...bytes: readonly Uint8Array[]): Promise<void>;
}

export function rawPeer(role: "client" | "server", listener: ConnectionListener = {}): RawPeer {
  const [near, far] = duplexPair();
  const frames: Frame[] = [];
  collectFrames(far, (each) => frames.push(each), role === "client" ? 24 : 0);
  far.on("error", () => {});
  const connection = new Http2Connection(near as Duplex, {
    role,
    listener,
    streamsMax: 10,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 1 << 20,
    headerBytesMax: 16_384,
    resets: { burstMax: 1_000, perSecondMax: 100 },
  });
  return {
    connection,
    frames,
    async say(...bytes) {
      far.write(Buffer.concat(bytes));
      for (let turns = 0; turns < 10; turns++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}
