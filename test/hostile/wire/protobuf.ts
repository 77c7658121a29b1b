/** Encodes protobuf by hand (the wire format of protobuf.dev/programming-guides/encoding), as far as the attacks need it. */

/** A base 128 varint. */
export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80) {
    bytes.push((left % 0x80) | 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
  return Buffer.from(bytes);
}

/** A length-delimited field: a message, a string, or a packed list. */
export function lengthDelimited(field: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

export function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** Repeats the bytes up to a size. */
export function repeated(bytes: Uint8Array, sizeMax: number): Buffer {
  return Buffer.alloc(Math.floor(sizeMax / bytes.length) * bytes.length, bytes);
}

/** A field nested to this depth. */
export function nested(field: number, depth: number): Buffer {
  const levels: Buffer[] = [];
  let size = 0;
  for (let level = 0; level < depth; level++) {
    const head = Buffer.concat([varint(field * 8 + 2), varint(size)]);
    levels.push(head);
    size += head.length;
  }
  return Buffer.concat(levels.reverse());
}

/** Nested groups, which a decoder has to skip (wire types 3 and 4). */
export function nestedGroups(field: number, depth: number): Buffer {
  const [open, close] = [varint(field * 8 + 3), varint(field * 8 + 4)];
  return Buffer.concat([...Array<Buffer>(depth).fill(open), ...Array<Buffer>(depth).fill(close)]);
}

/** A gRPC and Connect envelope: flags, then the length. `promised` may differ from the message's length. */
export function envelope(message: Uint8Array, { flags = 0, promised = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(promised, 1);
  return Buffer.concat([head, message]);
}
