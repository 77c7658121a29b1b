import { ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyCollector } from "../../protocol/body-collector.ts";
import { encodeEnvelope } from "../../protocol/envelope.ts";
import { connectProtocol } from "./connect-protocol.ts";
import { grpcProtocol } from "./grpc-protocol.ts";
import { gzip } from "./gzip.ts";
import type { HttpAnswer } from "./unary-answer.ts";

const readBytesMax = 1000;
const options = {
  codec: "proto",
  readBytesMax,
  acceptGzip: true,
  sendGzip: false,
  gzipBytesMin: 1024,
  userAgent: "test",
} as const;
const protocols = {
  gRPC: grpcProtocol(options),
  Connect: connectProtocol(options),
  "Connect JSON": connectProtocol({ ...options, codec: "json" }),
};

const contentType = fc.constantFrom(
  "application/grpc",
  "application/grpc+proto",
  "application/proto",
  "application/json",
  "text/html",
  undefined,
);
const status = fc.constantFrom("0", "5", "14", "99", "-1", "", "x", undefined);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => encodeEnvelope(0, bytes)),
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => encodeEnvelope(1, gzip(bytes))),
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => gzip(bytes)),
  fc.json().map((text) => Buffer.from(text)),
);
const answers: fc.Arbitrary<HttpAnswer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 204, 400, 404, 503, Number.NaN),
  headers: fc.record({
    "content-type": contentType,
    "grpc-encoding": fc.constantFrom("gzip", "identity", "br", undefined),
    "content-encoding": fc.constantFrom("gzip", "identity", "br", undefined),
    "grpc-status": fc.constantFrom(undefined, undefined, "0", "7"),
    "trailer-x": fc.constantFrom("1", undefined),
  }),
  trailers: fc.record({
    "grpc-status": status,
    "grpc-message": fc.constantFrom("%", "%zz", "caf%C3%A9", undefined),
    "grpc-status-details-bin": fc.constantFrom("AAAA", "!!", "CAUSA2FiYw", undefined),
  }),
  body,
});

for (const [name, protocol] of Object.entries(protocols)) {
  describe(`reading a ${name} response`, () => {
    it("ends in a message within the limit or a ConnectError, whatever was received", () => {
      fc.assert(
        fc.property(answers, (answer) => {
          try {
            expect(protocol.read(answer).bytes.length).toBeLessThanOrEqual(readBytesMax);
          } catch (error) {
            if (!(error instanceof ConnectError)) {
              throw error;
            }
            expect(error.code).toBeGreaterThanOrEqual(1);
            expect(error.code).toBeLessThanOrEqual(16);
          }
        }),
        { numRuns: 500 },
      );
    });
  });
}

describe("a gRPC body", () => {
  it("is the same message however it is split", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(505), { maxLength: 6 }), (message, cuts) => {
        const bytes = encodeEnvelope(0, message);
        const collected = new BodyCollector();
        let from = 0;
        for (const to of [...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length]) {
          collected.add(bytes.subarray(from, to));
          from = to;
        }
        const answer = {
          status: 200,
          headers: { "content-type": "application/grpc" },
          trailers: { "grpc-status": "0" },
          body: collected.bytes(),
        };
        expect(protocols.gRPC.read(answer).bytes).toEqual(Buffer.from(message));
      }),
    );
  });
});
