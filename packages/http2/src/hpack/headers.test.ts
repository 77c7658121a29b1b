import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConnectionError } from "../frames/constants.ts";
import { answerLength, answerStatus, fieldsToObject, requestHeaders } from "../header-fields.ts";
import { HeaderDecoder } from "./header-decoder.ts";
import { encodeFields } from "./header-encoder.ts";

const listBytesMax = 16_384;

function read(hex: string, decoder = new HeaderDecoder(listBytesMax)) {
  return decoder.read(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

describe("a header block", () => {
  it("is decoded as in the examples of RFC 7541, appendix C.4: three requests, Huffman-coded, one table", () => {
    const decoder = new HeaderDecoder(listBytesMax);
    const first = [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "www.example.com"];
    expect(read("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", decoder).fields).toEqual(first);
    expect(read("8286 84be 5886 a8eb 1064 9cbf", decoder).fields).toEqual([...first, "cache-control", "no-cache"]);
    expect(read("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", decoder).fields).toEqual([
      ...[":method", "GET", ":scheme", "https", ":path", "/index.html", ":authority", "www.example.com"],
      ...["custom-key", "custom-value"],
    ]);
  });

  it("is decoded as in appendix C.6: responses with a table that is too small for all fields", () => {
    const decoder = new HeaderDecoder(listBytesMax);
    // The example's table has 256 bytes; 3fe101 sets that.
    const answer = read(
      "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      decoder,
    );
    expect(answer.fields).toEqual([
      ...[":status", "302", "cache-control", "private", "date", "Mon, 21 Oct 2013 20:13:21 GMT"],
      ...["location", "https://www.example.com"],
    ]);
    expect(read("4883 640e ffc1 c0bf", decoder).fields.slice(0, 4)).toEqual([
      ...[":status", "307", "cache-control", "private"],
    ]);
    expect(() => read("c2", decoder)).toThrow(ConnectionError);
  });

  it("is decoded to the encoded fields", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    const value = fc.stringMatching(/^([!-~]([ -~]{0,200}[!-~])?)?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (pairs) => {
        const fields = pairs.flat();
        const block = new HeaderDecoder(1 << 20).read(encodeFields(fields));
        expect(block).toEqual({ fields, malformed: false, tooLarge: false, units: 0 });
      }),
    );
  });

  it("that is invalid throws a ConnectionError, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new HeaderDecoder(listBytesMax).read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectionError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["an index beyond the tables", "be"],
    ["the index 0", "80"],
    ["an integer without an end", "ffffffffffffff"],
    ["a truncated string literal", "40 05 61"],
    ["invalid padding of a Huffman code", "40 81 00 00"],
    ["a table larger than allowed", "3fe2 1f"],
    ["a table size update after the first field", "82 20"],
  ])("is refused for %s", (_name, hex) => {
    expect(() => read(hex)).toThrow(ConnectionError);
  });

  it("keeps no more than the limit, and reports that there was more", () => {
    const decoder = new HeaderDecoder(200);
    const block = decoder.read(encodeFields(["a", "x".repeat(100), "b", "y".repeat(100), "c", "z"]));
    expect(block.tooLarge).toBe(true);
    expect(block.fields.length).toBeLessThan(6);
    expect(decoder.read(encodeFields(["a", "b"])).tooLarge).toBe(false);
  });

  it.each([
    ["upper case in a name", ["X-A", "b"]],
    ["a blank in a name", ["x a", "b"]],
    ["a line break in a value", ["a", "b\r\nc: d"]],
    ["a NUL in a value", ["a", "b\0"]],
  ])("is malformed with %s", (_name, fields) => {
    expect(new HeaderDecoder(listBytesMax).read(encodeFields(fields)).malformed).toBe(true);
  });
});

describe("the headers of a request", () => {
  const pseudo = [":method", "POST", ":scheme", "http", ":path", "/a"];
  const block = (fields: readonly string[]) => ({ fields, malformed: false, tooLarge: false, units: 0 });

  it("have Node's form", () => {
    const fields = [...pseudo, "cookie", "a=1", "cookie", "b=2", "x", "1", "x", "2", "host", "one"];
    expect({ ...requestHeaders(block(fields)) }).toEqual({
      ...{ ":method": "POST", ":scheme": "http", ":path": "/a", cookie: "a=1; b=2", x: "1, 2", host: "one" },
    });
    expect({ ...fieldsToObject(["set-cookie", "a", "set-cookie", "b", ":status", "200"]) }).toEqual({
      ...{ "set-cookie": ["a", "b"], ":status": 200 },
    });
  });

  it.each([
    ["no path", [":method", "POST", ":scheme", "http"]],
    ["an empty path", [":method", "POST", ":scheme", "http", ":path", ""]],
    ["one pseudo-header twice", [...pseudo, ":path", "/b"]],
    ["a pseudo-header after another", [...pseudo, "a", "b", ":authority", "c"]],
    ["a pseudo-header of responses", [...pseudo, ":status", "200"]],
    ["a connection-specific header", [...pseudo, "connection", "close"]],
    ["te with another value than trailers", [...pseudo, "te", "gzip"]],
    ["a URL as path", [":method", "POST", ":scheme", "http", ":path", "http://a/b"]],
    ["a path that does not begin with a slash", [":method", "POST", ":scheme", "http", ":path", "a"]],
    ["an asterisk for another method than OPTIONS", [":method", "POST", ":scheme", "http", ":path", "*"]],
    ["userinfo in the authority", [...pseudo, ":authority", "user:password@a"]],
    ...["a b", "a, b", "a/b", "[::1", "a:b", "a:80:80", "a?b", "a#b", "a\\b"].flatMap((host): [string, string[]][] => [
      [`the authority ${host}`, [...pseudo, ":authority", host]],
      [`the host ${host}`, [...pseudo, "host", host]],
    ]),
    ["a host unlike the authority", [...pseudo, ":authority", "a", "host", "b"]],
    ["two hosts", [...pseudo, "host", "a", "host", "a"]],
    ["a path for CONNECT", [":method", "CONNECT", ":path", "/", ":authority", "a:1"]],
    ["CONNECT without an authority", [":method", "CONNECT"]],
    ["two content-length fields", [...pseudo, "content-length", "5", "content-length", "5"]],
    ...["", "abc", "-5", "+5", " 5", "0x13", "1.9e1", "5.0", "5, 5", "1".repeat(20), "\u0665"].map(
      (length): [string, string[]] => [
        `the content-length ${JSON.stringify(length)}`,
        [...pseudo, "content-length", length],
      ],
    ),
  ])("are malformed with %s", (_name, fields) => {
    expect(requestHeaders(block(fields))).toBeUndefined();
  });

  it.each([
    ["a length", [...pseudo, "content-length", "0"]],
    ["a host like the authority", [...pseudo, ":authority", "A.example", "host", "a.example:80"]],
    ["an asterisk for OPTIONS", [":method", "OPTIONS", ":scheme", "http", ":path", "*"]],
    ["CONNECT to an authority alone", [":method", "CONNECT", ":authority", "a:1"]],
    ...["", "a", "A-1.example.", "a_b", "127.0.0.1:8080", "[::1]", "[fe80::1]:80", "a:", "m%C3%BCller.example"].map(
      (host): [string, string[]] => [`the authority ${host}`, [...pseudo, ":authority", host]],
    ),
    ["te: trailers", [...pseudo, "te", "trailers"]],
  ])("are valid with %s", (_name, fields) => {
    expect(requestHeaders(block(fields))).toBeDefined();
  });

  it("are malformed if a name from the table was malformed when it was added", () => {
    const decoder = new HeaderDecoder(listBytesMax);
    // Literal with indexing: name "A", value "b"; then a literal whose name is that of index 62.
    expect(decoder.read(Buffer.from("4001410162", "hex")).malformed).toBe(true);
    expect(decoder.read(Buffer.from("0f2f0163", "hex"))).toMatchObject({ fields: ["A", "c"], malformed: true });
  });
});

describe("the headers of a response", () => {
  it.each([
    ["no status", ["content-type", "a"]],
    ["a status that does not come first", ["content-type", "a", ":status", "200"]],
    ["a second status", [":status", "200", ":status", "200"]],
    ["a pseudo-header of requests", [":status", "200", ":path", "/"]],
    ["a late pseudo-header", [":status", "200", "a", "b", ":status", "200"]],
    ["a connection-specific header", [":status", "200", "connection", "close"]],
    ["a transfer encoding", [":status", "200", "transfer-encoding", "chunked"]],
    ...["", "20", "2000", "abc", "2e2", "099", "-20", "200 "].map((status): [string, string[]] => [
      `the status ${JSON.stringify(status)}`,
      [":status", status],
    ]),
  ])("are malformed with %s", (_name, fields) => {
    expect(answerStatus(fields)).toBeUndefined();
  });

  it("contain status and length", () => {
    expect(answerStatus([":status", "404", "a", "b"])).toBe(404);
    expect(answerLength([":status", "200"])).toBe(-1);
    expect(answerLength([":status", "200", "content-length", "12"])).toBe(12);
    expect(answerLength([":status", "200", "content-length", "abc"])).toBeUndefined();
    expect(answerLength([":status", "200", "content-length", "5", "content-length", "5"])).toBeUndefined();
  });
});
