import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeEnvelope } from "./envelope.ts";
import { EnvelopeReader, type EnvelopeReaderOptions } from "./envelope-reader.ts";

const request: EnvelopeReaderOptions = {
  protocol: "grpc",
  messageBytesMax: 1 << 22,
  malformedCode: Code.InvalidArgument,
};

function readAll(reader: EnvelopeReader): { readonly flags: number; readonly payload: Buffer }[] {
  const found = [];
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    found.push(next);
  }
  return found;
}

function thrown(run: () => unknown): ConnectError {
  try {
    run();
  } catch (error) {
    return error as ConnectError;
  }
  throw new Error("nothing was thrown");
}

/** CPU time of this thread, in milliseconds. */
function cpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

describe("an envelope reader", () => {
  it("returns the written messages, however the bytes are split", () => {
    const message = fc.tuple(fc.constantFrom(0, 1), fc.uint8Array({ maxLength: 9_000 }));
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), cuts, fc.boolean(), (messages, sizes, readEagerly) => {
        const bytes = Buffer.concat(messages.map(([flags, payload]) => encodeEnvelope(flags, payload)));
        const reader = new EnvelopeReader(request);
        const found = [];
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const end = at + (sizes[index % sizes.length] as number);
          reader.push(bytes.subarray(at, end));
          at = end;
          if (readEagerly) {
            found.push(...readAll(reader));
          }
        }
        found.push(...readAll(reader));
        reader.end();
        expect(found.map(({ flags, payload }) => [flags, Uint8Array.from(payload)])).toEqual(messages);
      }),
    );
  });

  it("takes time in proportion to the bytes, whatever the pieces", () => {
    const bytes = encodeEnvelope(0, Buffer.alloc(2_000_000));
    function read(pieceBytes: number): void {
      const reader = new EnvelopeReader(request);
      let found = 0;
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        reader.push(bytes.subarray(at, at + pieceBytes));
        found += readAll(reader).length;
      }
      expect(found).toBe(1);
    }
    read(16);
    // A reader that copies its buffer for each piece would copy 2 TB here.
    expect(cpuMs(() => read(1))).toBeLessThan(3_000);
  });

  it("keeps small pieces together: a hundred thousand of one byte take about as many bytes", () => {
    const reader = new EnvelopeReader(request);
    const before = process.memoryUsage();
    const header = Buffer.from([0, 0, 0x3f, 0xff, 0xff]);
    reader.push(header);
    for (let sent = 0; sent < 100_000; sent++) {
      reader.push(Buffer.alloc(1));
      expect(reader.next()).toBeUndefined();
    }
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(reader.bufferedBytes).toBe(100_000);
    // Each piece kept alone would be a Buffer of its own: more than 10 MB.
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(2_000_000);
    expect(heapUsed).toBeGreaterThan(0);
  });

  it("allocates nothing for a stated length before its bytes arrive", () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 1_000 }, () => new EnvelopeReader(request));
    for (const reader of readers) {
      reader.push(Buffer.from([0, 0, 0x3f, 0xff, 0xff]));
      expect(reader.next()).toBeUndefined();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  });

  it("refuses an oversized message as soon as its header has arrived", () => {
    const reader = new EnvelopeReader({ ...request, messageBytesMax: 1_024 });
    reader.push(Buffer.from([0, 0, 0, 4]));
    expect(reader.next()).toBeUndefined();
    reader.push(Buffer.from([1]));
    const error = thrown(() => reader.next());
    expect(error).toBeInstanceOf(ConnectError);
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toBe("message size 1025 is larger than configured readMaxBytes 1024");
  });

  it.each([
    ["grpc", [0, 1]],
    ["grpc-web", [0, 1, 0x80, 0x81]],
    ["connect", [0, 1, 2, 3]],
  ] as const)("refuses each flag that %s reserves, with INTERNAL or malformedCode", (protocol, allowed) => {
    for (const malformedCode of [Code.InvalidArgument, Code.Internal] as const) {
      const refused = Array.from({ length: 256 }, (_, flags) => flags).filter((flags) => {
        const reader = new EnvelopeReader({ ...request, protocol, malformedCode });
        reader.push(encodeEnvelope(flags, Buffer.from("x")));
        try {
          return reader.next() === undefined;
        } catch (error) {
          expect((error as ConnectError).code).toBe(protocol === "connect" ? malformedCode : Code.Internal);
          return true;
        }
      });
      expect(refused).toHaveLength(256 - allowed.length);
      expect(refused).not.toEqual(expect.arrayContaining([...allowed]));
    }
  });

  it.each([0, 1, 4, 5, 9])("reports a body cut off after %d bytes as incomplete", (bytes) => {
    const reader = new EnvelopeReader(request);
    reader.push(encodeEnvelope(0, Buffer.from("hello")).subarray(0, bytes));
    expect(reader.next()).toBeUndefined();
    if (bytes === 0) {
      expect(() => reader.end()).not.toThrow();
    } else {
      expect(thrown(() => reader.end()).rawMessage).toBe("protocol error: incomplete envelope");
    }
  });
});
