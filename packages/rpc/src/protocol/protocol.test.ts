import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import * as stockConnect from "@connectrpc/connect/protocol-connect";
import * as stockGrpc from "@connectrpc/connect/protocol-grpc";
import * as stockGrpcWeb from "@connectrpc/connect/protocol-grpc-web";
import { ErrorInfoSchema } from "@parley/gen/google/rpc/error_details_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBinaryValue, encodeBinaryValue } from "./binary-metadata.ts";
import { codeFromGrpcStatus, codeFromHttpStatus, codeFromName, codeName, codes, httpStatusFromCode } from "./codes.ts";
import { formatContentType, parseContentType } from "./content-types.ts";
import { encodeEnvelope, promisedBytes, readEnvelope } from "./envelope.ts";
import { readGrpcStatus, writeGrpcStatus } from "./grpc-status.ts";
import { addErrorMetadata, copyToNode, headersFromNode } from "./metadata.ts";
import { decodeGrpcMessage, encodeGrpcMessage } from "./percent-encoding.ts";
import { formatConnectTimeout, formatGrpcTimeout, parseConnectTimeoutMs, parseGrpcTimeoutMs } from "./timeouts.ts";

describe("codes", () => {
  it("have the names and HTTP statuses of stock Connect", () => {
    expect(codes).toHaveLength(16);
    for (const code of codes) {
      expect(codeName(code)).toBe(stockConnect.codeToString(code));
      expect(codeFromName(codeName(code))).toBe(code);
      expect(httpStatusFromCode(code)).toBe(stockConnect.codeToHttpStatus(code));
      expect(codeFromGrpcStatus(String(code))).toBe(code);
    }
    for (let status = 100; status < 600; status++) {
      expect(codeFromHttpStatus(status)).toBe(stockConnect.codeFromHttpStatus(status));
    }
  });

  it("are undefined for any other text", () => {
    expect(codeFromGrpcStatus("0")).toBe("ok");
    for (const bad of ["", "00", "17", "99", "-1", "1.0", "0x1", " 1", "1 ", "abc", "100000000000000000000"]) {
      expect(codeFromGrpcStatus(bad), bad).toBeUndefined();
    }
    expect(codeFromName("toString")).toBeUndefined();
    expect(codeFromName("NotFound")).toBeUndefined();
  });
});

describe("timeouts", () => {
  const asValue = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.tuple(fc.nat(), fc.constantFrom("H", "M", "S", "m", "u", "n", "s", "h", "")).map(([n, unit]) => `${n}${unit}`),
  );

  it("are parsed as by stock Connect", () => {
    fc.assert(
      fc.property(asValue, (value) => {
        const grpc = stockGrpc.parseTimeout(value, Number.MAX_SAFE_INTEGER);
        expect(parseGrpcTimeoutMs(value)).toBe(grpc.error === undefined ? grpc.timeoutMs : undefined);
        const connect = stockConnect.parseTimeout(value, Number.MAX_SAFE_INTEGER);
        expect(parseConnectTimeoutMs(value)).toBe(connect.error === undefined ? connect.timeoutMs : undefined);
      }),
    );
  });

  it("are parsed to the formatted value, which is never longer", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), (timeoutMs) => {
        const grpc = parseGrpcTimeoutMs(formatGrpcTimeout(timeoutMs));
        expect(grpc).toBeGreaterThan(0);
        expect(grpc).toBeLessThanOrEqual(Math.max(timeoutMs, 1e-6));
        expect(grpc).toBeGreaterThanOrEqual(Math.floor(timeoutMs) * (timeoutMs > 99_999_999 ? 0.9 : 1));
        const connect = parseConnectTimeoutMs(formatConnectTimeout(timeoutMs));
        expect(connect).toBe(Math.min(9_999_999_999, Math.floor(timeoutMs)));
      }),
    );
    expect(formatGrpcTimeout(-5)).toBe("1n");
    expect(formatConnectTimeout(-5)).toBe("0");
    expect(formatGrpcTimeout(1500)).toBe("1500m");
    expect(formatGrpcTimeout(Number.MAX_VALUE)).toBe("99999999H");
  });
});

describe("grpc-message", () => {
  it("decodes to the encoded text, and is ASCII on the wire", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (message) => {
        const encoded = encodeGrpcMessage(message);
        expect(encoded).toMatch(/^[\x20-\x24\x26-\x7e]*(?:%[0-9A-F]{2}[\x20-\x24\x26-\x7e]*)*$/);
        expect(decodeGrpcMessage(encoded)).toBe(message);
      }),
    );
  });

  it("is decoded as by stock Connect, if that does not fail", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (encoded) => {
        const decoded = decodeGrpcMessage(encoded);
        try {
          expect(decoded).toBe(decodeURIComponent(encoded));
        } catch (error) {
          if (!(error instanceof URIError)) {
            throw error;
          }
        }
      }),
    );
  });

  it("is decoded as far as possible if its encoding is invalid", () => {
    expect(decodeGrpcMessage("100%")).toBe("100%");
    expect(decodeGrpcMessage("%4")).toBe("%4");
    expect(decodeGrpcMessage("%zz%41")).toBe("%zzA");
    expect(decodeGrpcMessage("%ff")).toBe("\ufffd");
    expect(encodeGrpcMessage("\ud800")).toBe("%EF%BF%BD");
  });
});

describe("envelopes", () => {
  it("contain the encoded payload, at any offset", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(255), fc.nat(20), (payload, flags, offset) => {
        const bytes = Buffer.concat([Buffer.alloc(offset), encodeEnvelope(flags, payload), Buffer.from("rest")]);
        const envelope = readEnvelope(bytes, offset);
        expect(envelope?.flags).toBe(flags);
        expect(envelope?.payload.equals(payload)).toBe(true);
        expect(envelope?.end).toBe(bytes.length - 4);
        expect(promisedBytes(bytes, offset)).toBe(payload.length);
      }),
    );
  });

  it("are undefined until they are complete", () => {
    const bytes = encodeEnvelope(0, Buffer.from("hello"));
    for (let length = 0; length < bytes.length; length++) {
      expect(readEnvelope(bytes.subarray(0, length), 0)).toBeUndefined();
    }
    expect(promisedBytes(bytes.subarray(0, 4), 0)).toBeUndefined();
    expect(readEnvelope(Buffer.from([0, 255, 255, 255, 255, 1]), 0)).toBeUndefined();
  });
});

describe("binary metadata", () => {
  it("decodes to the encoded bytes, padded or not", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const encoded = encodeBinaryValue(bytes);
        expect(encoded).not.toContain("=");
        expect(decodeBinaryValue(encoded)?.equals(bytes)).toBe(true);
        expect(decodeBinaryValue(Buffer.from(bytes).toString("base64"))?.equals(bytes)).toBe(true);
      }),
    );
  });

  it("is refused if it is not base64", () => {
    for (const bad of ["a", "!!!!", "ab=c", "abcde", "ab cd"]) {
      expect(decodeBinaryValue(bad), bad).toBeUndefined();
    }
  });
});

describe("content types", () => {
  const value = fc
    .tuple(
      fc.constantFrom("application/", "Application/", "text/"),
      fc.constantFrom("grpc", "grpc-web", "grpc-web-text", "GRPC", "connect", "json", "proto", "grpcx", "connect+"),
      fc.constantFrom("", "+proto", "+json", "+JSON", "proto", "json", "+text"),
      fc.constantFrom("", "; charset=utf-8", ";charset=utf8", "; charset=UTF-8", "; charset=latin1", " "),
    )
    .map((parts) => parts.join(""));

  it("are distinguished as by stock Connect", () => {
    fc.assert(
      fc.property(fc.oneof(value, fc.string()), (contentType) => {
        const ours = parseContentType(contentType);
        const grpc = stockGrpc.parseContentType(contentType);
        const web = stockGrpcWeb.parseContentType(contentType);
        const connect = stockConnect.parseContentType(contentType);
        if (ours !== undefined && !grpc && !web && !connect) {
          // Stock Connect supports few equivalent spellings: parameters in quotes, with spaces, or further ones.
          expect(contentType).toMatch(/[; ]/);
          expect(ours).toEqual(parseContentType(contentType.split(";", 1)[0]?.trim() ?? ""));
          return;
        }
        expect(ours?.protocol).toBe(grpc ? "grpc" : web ? "grpc-web" : connect ? "connect" : undefined);
        if (ours !== undefined) {
          expect(ours.codec).toBe((grpc ?? web ?? connect)?.binary ? "proto" : "json");
          expect(ours.text).toBe(web?.text ?? false);
          expect(ours.enveloped).toBe(connect?.stream ?? true);
          expect(parseContentType(formatContentType(ours))).toEqual(ours);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("content types with parameters", () => {
  it.each([
    'application/json; charset="utf-8"',
    "application/json ; charset=utf-8",
    "application/json;charset=utf-8;v=1",
    'application/json; v="a;b\\"c"; charset=UTF8',
    "Application/JSON",
    "application/json;",
  ])("are accepted: %s", (value) => {
    expect(parseContentType(value)).toMatchObject({ protocol: "connect", codec: "json" });
  });

  it.each([
    "application/json; charset=latin1",
    'application/json; charset="utf-16"',
    "application/json; charset",
    "application/jsonx",
    "application/grpc+foo",
    "text/json",
    "",
  ])("are refused: %s", (value) => {
    expect(parseContentType(value)).toBeUndefined();
  });
});

describe("metadata", () => {
  it("is converted from Node's headers, with several values of a name and without pseudo-headers", () => {
    const headers = headersFromNode({
      ":path": "/x",
      accept: "a",
      "set-cookie": ["b=1", "c=2"],
      "x-many": "1, 2",
      gone: undefined,
    });
    expect([...headers]).toEqual([
      ["accept", "a"],
      ["set-cookie", "b=1"],
      ["set-cookie", "c=2"],
      ["x-many", "1, 2"],
    ]);
  });

  it("is copied to Node's headers with a prefix, and cookies stay separate", () => {
    const target = { "content-type": "application/json" };
    copyToNode(
      new Headers([
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["set-cookie", "c=3"],
      ]),
      target,
    );
    copyToNode(new Headers({ "x-one": "1" }), target, { prefix: "trailer-" });
    expect(target).toEqual({
      "content-type": "application/json",
      "set-cookie": ["a=1", "b=2", "c=3"],
      "trailer-x-one": "1",
    });
  });

  it("of an error cannot change the protocol's own", () => {
    const target = new Headers({ "content-type": "application/json" });
    addErrorMetadata(target, new Headers({ "Content-Type": "text/html", "grpc-status": "0", "x-mine": "1" }));
    expect([...target]).toEqual([
      ["content-type", "application/json"],
      ["x-mine", "1"],
    ]);
  });
});

describe("gRPC status", () => {
  const written = (error: ConnectError) => {
    const trailers: Record<string, string | string[] | number | undefined> = {};
    writeGrpcStatus(error, trailers);
    return trailers as Record<string, string>;
  };

  it("is compatible with stock Connect in both directions", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.string({ unit: "grapheme" }),
        fc.nat(3),
        (code, message, detailCount) => {
          const error = new ConnectError(message, code);
          for (let i = 0; i < detailCount; i++) {
            error.details.push({ desc: ErrorInfoSchema, value: { reason: `R${i}` } });
          }
          const stock = stockGrpc.findTrailerError(new Headers(written(error)));
          const ours = readGrpcStatus(
            Object.fromEntries(stockGrpc.setTrailerStatus(new Headers(), error)),
            () => new Headers(),
          );
          for (const read of [stock, ours]) {
            expect(read?.code).toBe(code);
            expect(read?.rawMessage).toBe(message);
            expect(read?.findDetails(ErrorInfoSchema).map((detail) => detail.reason)).toEqual(
              Array.from({ length: detailCount }, (_, i) => `R${i}`),
            );
          }
        },
      ),
    );
  });

  it("is an error if it is missing or not a code", () => {
    const none = () => new Headers();
    expect(readGrpcStatus({ "grpc-status": "0" }, none)).toBeUndefined();
    expect(readGrpcStatus({}, none)?.code).toBe(Code.Internal);
    expect(readGrpcStatus({ "grpc-status": "77" }, none)?.code).toBe(Code.Unknown);
    expect(readGrpcStatus({ "grpc-status": "ok" }, none)?.code).toBe(Code.Unknown);
  });

  it("is kept without undecodable details", () => {
    const bin = encodeBinaryValue(toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason: "x" })).subarray(1));
    for (const details of ["!", bin]) {
      const error = readGrpcStatus(
        { "grpc-status": "5", "grpc-message": "no", "grpc-status-details-bin": details },
        () => new Headers(),
      );
      expect([error?.code, error?.rawMessage, error?.details]).toEqual([Code.NotFound, "no", []]);
    }
  });
});
