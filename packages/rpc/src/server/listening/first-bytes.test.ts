import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { preface } from "@parley/http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, serveEcho } from "../echo-fixture.ts";
import { protocolOf } from "./first-bytes.ts";

let echo: EchoServer;

beforeAll(async () => {
  echo = await serveEcho({ config: { limits: { headersTimeoutMs: 200 } } });
});

afterAll(() => echo.server.close());

async function open(): Promise<Socket> {
  const socket = connect(echo.server.port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

/** Writes the pieces with pauses, so that the server reads each separately. Returns the first bytes of the response. */
async function firstAnswer(pieces: readonly (string | Buffer)[]): Promise<Buffer | undefined> {
  const socket = await open();
  let answer: Buffer | undefined;
  const answered = new Promise<void>((resolve) => {
    socket.once("data", (bytes: Buffer) => {
      answer = bytes;
      resolve();
    });
    socket.once("close", () => resolve());
  });
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await answered;
  socket.destroy();
  return answer;
}

const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const settingsType = 4;

describe("a ClientHello", () => {
  const hello = (length: number) =>
    Buffer.concat([Buffer.from([0x16, 3, 1, length >> 8, length & 0xff]), Buffer.alloc(length)]);

  it("is TLS once its record is whole", () => {
    const whole = hello(512);
    for (let length = 1; length < whole.length; length++) {
      expect(protocolOf(whole.subarray(0, length))).toBeUndefined();
    }
    expect(protocolOf(whole)).toBe("TLS");
    expect(protocolOf(Buffer.concat([whole, whole]))).toBe("TLS");
  });

  it("is TLS after 4 KiB, however long it says it is", () => {
    const long = hello(0xffff);
    expect(protocolOf(long.subarray(0, 4_095))).toBeUndefined();
    expect(protocolOf(long.subarray(0, 4_096))).toBe("TLS");
  });
});

describe("the first bytes of a connection", () => {
  it.each([1, 2, 3, 4, 23, 24])("may be an HTTP/2 preface split after byte %i", async (at) => {
    const answer = await firstAnswer([preface.subarray(0, at), Buffer.concat([preface.subarray(at), settings])]);
    expect(answer?.[3]).toBe(settingsType);
  });

  it("may be an HTTP/2 preface sent byte by byte", async () => {
    const answer = await firstAnswer([...preface].map((byte) => Buffer.from([byte])).concat(settings));
    expect(answer?.[3]).toBe(settingsType);
  });

  it.each([
    ["G", "ET /health HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["P", "OST /health HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"],
    ["PR", "OPFIND /health HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["nonsense\r\n", "\r\n"],
    ["GET /\r\n", "\r\n"],
  ])("may be a split HTTP/1.1 request: %j %j", async (first, second) => {
    const answer = await firstAnswer([first, second]);
    expect(answer?.toString()).toMatch(/^HTTP\/1\.1 [0-9]{3} /);
  });

  it("get no response for an unknown protocol", async () => {
    expect(await firstAnswer(["INVALID CONNECTION PREFACE\r\n\r\n"])).toBeUndefined();
  });

  it("must be complete within the headers timeout, once the first has arrived", async () => {
    const socket = await open();
    socket.write("PR");
    await once(socket.resume(), "close");
    const silent = await open();
    let closed = false;
    silent.once("close", () => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(closed).toBe(false);
    silent.destroy();
  });
});
