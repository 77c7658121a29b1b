/** Encodes HTTP/2 frames by hand (RFC 9113), including invalid ones. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 0x1;
export const endHeaders = 0x4;
export const acknowledge = 0x1;

export const preface: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export type Field = readonly [name: string, value: string];

export interface FrameHead {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
}

export function frame({ type, flags = 0, stream = 0 }: FrameHead, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function headers(stream: number, fields: readonly Field[] | Uint8Array, end = false): Buffer {
  const block = fields instanceof Uint8Array ? fields : headerBlock(fields);
  return frame({ type: frameType.headers, flags: endHeaders | (end ? endStream : 0), stream }, block);
}

export function data(stream: number, bytes: Uint8Array | string, end = true): Buffer {
  return frame({ type: frameType.data, flags: end ? endStream : 0, stream }, Buffer.from(bytes as string));
}

/** DATA frames of at most 16 KiB each, the last with END_STREAM. */
export function dataFrames(stream: number, bytes: Buffer, { end = true, pieceBytes = 16_384 } = {}): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += pieceBytes) {
    frames.push(data(stream, bytes.subarray(at, at + pieceBytes), end && at + pieceBytes >= bytes.length));
  }
  return Buffer.concat(frames);
}

export function settings(pairs: readonly (readonly [setting: number, value: number])[] = []): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  pairs.forEach(([setting, value], index) => {
    payload.writeUInt16BE(setting, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  });
  return frame({ type: frameType.settings }, payload);
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame({ type: frameType.windowUpdate, stream }, number32(increment));
}

export function reset(stream: number, code = 8): Buffer {
  return frame({ type: frameType.reset, stream }, number32(code));
}

export function ping(payload = "12345678", flags = 0): Buffer {
  return frame({ type: frameType.ping, flags }, Buffer.from(payload, "latin1"));
}

/** Literal fields without indexing and without Huffman code (RFC 7541, section 6.2.2). */
export function headerBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => literal(name, value)));
}

/** A literal field. `first` 0x40 adds it to the dynamic table. */
export function literal(name: string, value: string, first = 0): Buffer {
  return Buffer.concat([Buffer.from([first]), text(name), text(value)]);
}

/** An integer with a prefix (RFC 7541, section 5.1). */
export function prefixed(value: number, prefixBits: number, first: number): Buffer {
  const max = 2 ** prefixBits - 1;
  if (value < max) return Buffer.from([first | value]);
  const bytes = [first | max];
  let left = value - max;
  while (left >= 0x80) {
    bytes.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }
  bytes.push(left);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([prefixed(bytes.length, 7, 0), bytes]);
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
