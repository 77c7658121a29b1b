import { gzipSync } from "node:zlib";
import { encodeFields } from "@parley/http2";

/** The content type of each protocol's responses. */
export const types: Readonly<Record<string, string>> = {
  grpc: "application/grpc+proto",
  "grpc-web": "application/grpc-web+proto",
  connect: "application/connect+proto",
  "connect-unary": "application/proto",
};
const encodingNames: Readonly<Record<string, string>> = {
  grpc: "grpc-encoding",
  "grpc-web": "grpc-encoding",
  connect: "connect-content-encoding",
  "connect-unary": "content-encoding",
};

/** One response, as an attack can write it. */
export interface Victim {
  readonly protocol: string;
  readonly overHttp2: boolean;
  head(fields?: readonly string[]): void;
  /** One chunk, or one DATA frame, or several if one is too small. */
  piece(bytes: Uint8Array): void;
  raw(bytes: Uint8Array | string): void;
  /** The protocol's proper end. */
  end(): void;
  /** Repeats for as long as the client reads. */
  forever(step: () => void): void;
}

function envelope(payload: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** A WatchOrdersResponse whose order has this many empty items. */
function emptyItems(count: number): Buffer {
  const items = Buffer.alloc(count * 2);
  for (let at = 0; at < items.length; at += 2) {
    items[at] = 0x2a;
  }
  const length: number[] = [];
  for (let left = items.length; left > 0 || length.length === 0; left >>>= 7) {
    length.push(left >= 0x80 ? (left & 0x7f) | 0x80 : left);
  }
  return Buffer.concat([Buffer.from([0x0a, ...length]), items]);
}

const large = Buffer.concat([Buffer.from([0x12, 0xc0, 0xa9, 0x07]), Buffer.alloc(120_000, 0x61)]);
const bomb = envelope(
  gzipSync(Buffer.concat([Buffer.from([0x12, 0x80, 0x80, 0xf0, 0x01]), Buffer.alloc(3_932_160, 0x61)])),
  1,
);
const largerBomb = envelope(gzipSync(Buffer.alloc(16 << 20)), 1);
const costly = envelope(emptyItems(1_000_000));
const manyEmpty = Buffer.alloc(5 * 3_000);

/** For tests: the behaviours of hostile servers, by name. */
export const attacks: Readonly<Record<string, (victim: Victim) => void>> = {
  "a message in pieces of one byte": (victim) => {
    victim.head();
    const bytes = envelope(large);
    for (let at = 0; at < bytes.length; at++) {
      victim.piece(bytes.subarray(at, at + 1));
    }
  },
  "pieces of one byte without end": (victim) => {
    victim.head();
    victim.piece(envelope(Buffer.alloc(4_000_000)).subarray(0, 5));
    victim.forever(() => victim.piece(Buffer.alloc(1)));
  },
  "empty messages without end": (victim) => {
    victim.head();
    victim.forever(() => victim.piece(manyEmpty));
  },
  "gzip bombs without end": (victim) => {
    victim.head([encodingNames[victim.protocol] ?? "", "gzip"]);
    victim.forever(() => victim.piece(bomb));
  },
  "messages of a million elements without end": (victim) => {
    victim.head();
    victim.forever(() => victim.piece(costly));
  },
  "one message of a million elements": (victim) => {
    victim.head();
    const bytes = victim.protocol === "connect-unary" ? costly.subarray(5) : costly;
    victim.piece(bytes);
    victim.end();
  },
  "one gzip bomb": (victim) => {
    victim.head([encodingNames[victim.protocol] ?? "", "gzip"]);
    victim.piece(victim.protocol === "connect-unary" ? largerBomb.subarray(5) : largerBomb);
    victim.end();
  },
  "a length without its message": (victim) => {
    victim.head();
    victim.piece(envelope(Buffer.alloc(4_000_000)).subarray(0, 5));
  },
  "interim responses without end": (victim) => {
    const interim = victim.overHttp2
      ? frame(1, 4, 1, encodeFields([":status", "103"]))
      : Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
    const many = Buffer.concat(Array.from({ length: 100 }, () => interim));
    victim.forever(() => victim.raw(many));
  },
  "headers without end": (victim) => {
    if (victim.overHttp2) {
      victim.raw(frame(1, 0, 1, encodeFields([":status", "200"])));
      victim.forever(() => victim.raw(frame(9, 0, 1, encodeFields(["x-a", "b".repeat(1000)]))));
    } else {
      victim.raw("HTTP/1.1 200 OK\r\n");
      victim.forever(() => victim.raw(`x-a: ${"b".repeat(1000)}\r\n`));
    }
  },
  "trailers without end": (victim) => {
    victim.head();
    if (victim.overHttp2) {
      victim.raw(frame(1, 1, 1, encodeFields(["x-a", "b"])));
      victim.forever(() => victim.raw(frame(9, 0, 1, encodeFields(["x-a", "b".repeat(1000)]))));
    } else {
      victim.raw("0\r\n");
      victim.forever(() => victim.raw(`x-a: ${"b".repeat(1000)}\r\n`));
    }
  },
  silence: () => {},
  "silence after the headers": (victim) => victim.head(),
};

/** RFC 9113, section 4.2: the default SETTINGS_MAX_FRAME_SIZE. */
export const frameBytesMax = 16_384;

/** One HTTP/2 frame. */
export function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}
