import { afterEach, describe, expect, it, vi } from "vitest";
import { FrameReader } from "../../frames/frame-reader.ts";
import { FrameWriter } from "../../frames/frame-writer.ts";
import { Http2Connection } from "../../http2-connection.ts";
import { Http2Stream } from "../../streams/stream.ts";
import { StreamTable } from "../../streams/stream-table.ts";
import { fuzz } from "./fuzz.ts";

const sequences = 20_000;

describe("an HTTP/2 connection with generated frames", () => {
  it("never throws, never hangs, ends by the protocol, and drops its streams", async () => {
    const report = await fuzz({ seed: 1, sequences });
    expect(report.failures).toEqual([]);
    expect(report.sequences).toBe(sequences);
    // The sequences reach both kinds of ends often enough to be meaningful.
    expect(report.valid).toBeGreaterThan(sequences / 10);
    expect(report.destroyed).toBeGreaterThan(sequences / 10);
  }, 120_000);
});

describe("a planted fault", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  async function problems(): Promise<string> {
    const { failures } = await fuzz({ seed: 1, sequences: 2_000 });
    return failures.map(({ problem }) => problem).join("\n");
  }

  it("is found: an exception", async () => {
    const { onReset } = StreamTable.prototype;
    vi.spyOn(StreamTable.prototype, "onReset").mockImplementation(function (this: StreamTable, id, code) {
      onReset.call(this, id, code);
      throw new TypeError("planted");
    });
    expect(await problems()).toContain("planted");
  });

  it("is found: a stream that is not dropped", async () => {
    const { forget } = StreamTable.prototype;
    vi.spyOn(StreamTable.prototype, "forget").mockImplementation(function (this: StreamTable, stream) {
      if (!stream.resetSent) {
        forget.call(this, stream);
      }
    });
    expect(await problems()).toContain("streams are open after the end");
  });

  it("is found: an end that is not reported to a stream", async () => {
    const { close } = Http2Stream.prototype;
    vi.spyOn(Http2Stream.prototype, "close").mockImplementation(function (this: Http2Stream, code) {
      if (code === 8) {
        this.listener = undefined;
      }
      close.call(this, code);
    });
    expect(await problems()).toContain("a stream reported its end 0 times");
  });

  it("is found: an end without GOAWAY", async () => {
    const { goaway } = FrameWriter.prototype;
    vi.spyOn(FrameWriter.prototype, "goaway").mockImplementation(function (this: FrameWriter, id, code) {
      if (code === 0) {
        goaway.call(this, id, code);
      }
    });
    expect(await problems()).toContain("ended without GOAWAY");
  });

  it("is found: a frame on a stream that has ended", async () => {
    const { reset } = Http2Stream.prototype;
    vi.spyOn(Http2Stream.prototype, "reset").mockImplementation(function (this: Http2Stream, code) {
      reset.call(this, code);
      this.closed = false;
      this.sendHeaders(Buffer.from([0x88]));
      this.closed = true;
    });
    expect(await problems()).toContain("which had ended");
  });

  it("is found: bytes lost at a split", async () => {
    const { read } = FrameReader.prototype;
    vi.spyOn(FrameReader.prototype, "read").mockImplementation(function (this: FrameReader, chunk) {
      read.call(this, chunk.length === 1 ? Buffer.alloc(0) : chunk);
    });
    expect(await problems()).toMatch(/depends on where the bytes are cut|refused what keeps the protocol/);
  });

  it("is found: a valid sequence that is refused", async () => {
    const { onControl } = Http2Connection.prototype;
    vi.spyOn(Http2Connection.prototype, "onControl").mockImplementation(function (
      this: Http2Connection,
      type,
      flags,
      id,
      payload,
    ) {
      onControl.call(this, type > 9 ? 5 : type, flags, id, payload);
    });
    expect(await problems()).toContain("it refused a valid sequence");
  });
});
