import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { acknowledge, endStream, frame, frameType, preface, settings } from "./http2-frames.ts";

export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export interface RawHttp2Options {
  /** The first bytes sent. Default: the preface and empty SETTINGS. */
  readonly first?: Buffer;
  /** Whether it acknowledges the server's SETTINGS. Default: yes. */
  readonly acknowledges?: boolean;
  /** Whether it reads from the socket. Default: yes. */
  readonly reads?: boolean;
  readonly onFrame?: (frame: ReceivedFrame) => void;
  /** The source address. */
  readonly localAddress?: string;
  /** Bytes to skip before the first frame: a server skips the client's preface. Default: none. */
  readonly skippedBytes?: number;
}

/** The maximum number of frames kept. Further frames are only counted. */
const keptMax = 4_096;

/** A minimal HTTP/2 peer: sends frames exactly as given, without any state of its own. */
export class RawHttp2 {
  readonly socket: Socket;
  readonly frames: ReceivedFrame[] = [];
  /** Received bytes of DATA payload. */
  dataBytes = 0;
  /** Streams that the server ended, by END_STREAM or RST_STREAM. */
  ended = 0;
  closed = false;
  /** The window credit that the server granted by WINDOW_UPDATE, by stream; 0 is the connection. */
  readonly granted = new Map<number, number>();
  readonly #options: RawHttp2Options;
  #buffered: Buffer[] = [];
  #bufferedBytes = 0;
  #neededBytes = 9;
  #skippedBytes: number;

  /** Connects to a URL, or uses an existing socket. */
  constructor(to: string | Socket, options: RawHttp2Options = {}) {
    this.#options = options;
    this.#skippedBytes = options.skippedBytes ?? 0;
    this.socket = typeof to === "string" ? open(to, options) : to;
    this.socket.setNoDelay(true);
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
    });
    if (options.reads === false) this.socket.pause();
    else this.socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.socket.write(options.first ?? Buffer.concat([preface, settings()]));
  }

  /** Sends, and waits until the kernel has accepted the bytes, the connection is closed, or `maxMs` have passed. */
  send(bytes: Buffer, maxMs = 10_000): Promise<void> {
    if (this.closed || this.socket.destroyed || this.socket.write(bytes)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, maxMs);
      const { socket } = this;
      function done() {
        clearTimeout(timer);
        socket.off("drain", done).off("close", done);
        resolve();
      }
      socket.on("drain", done).on("close", done);
    });
  }

  /** Waits for a frame, which may have arrived already. Undefined if the connection closes or the time has passed. */
  async until(right: (frame: ReceivedFrame) => boolean, maxMs = 5_000): Promise<ReceivedFrame | undefined> {
    const endMs = performance.now() + maxMs;
    for (;;) {
      const found = this.frames.find(right);
      if (found !== undefined || this.closed || performance.now() > endMs) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Waits while a condition holds. Returns when the connection closes or the time has passed. */
  async while(going: () => boolean, maxMs = 5_000): Promise<void> {
    const endMs = performance.now() + maxMs;
    while (going() && !this.closed && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Waits for a PING acknowledgement: the server has then processed all earlier frames. */
  async roundTrip(maxMs = 30_000): Promise<void> {
    const payload = Buffer.alloc(8);
    payload.writeDoubleBE(performance.now());
    await this.send(frame({ type: frameType.ping }, payload));
    await this.until((each) => each.type === frameType.ping && each.payload.equals(payload), maxMs);
  }

  /** The error code of the received GOAWAY, if any. */
  goaway(): number | undefined {
    return this.frames.findLast(({ type }) => type === frameType.goaway)?.payload.readUInt32BE(4);
  }

  close(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#skippedBytes > 0) {
      const skipped = Math.min(this.#skippedBytes, chunk.length);
      this.#skippedBytes -= skipped;
      if (skipped < chunk.length) this.#read(chunk.subarray(skipped));
      return;
    }
    this.#buffered.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes < this.#neededBytes) return;
    let rest = Buffer.concat(this.#buffered);
    for (;;) {
      this.#neededBytes = rest.length < 9 ? 9 : 9 + rest.readUIntBE(0, 3);
      if (rest.length < this.#neededBytes) break;
      this.#take({
        type: rest[3] as number,
        flags: rest[4] as number,
        stream: rest.readUInt32BE(5) & 0x7fffffff,
        payload: rest.subarray(9, this.#neededBytes),
      });
      rest = rest.subarray(this.#neededBytes);
    }
    this.#buffered = [rest];
    this.#bufferedBytes = rest.length;
  }

  #take(received: ReceivedFrame): void {
    const { type, flags } = received;
    if (type === frameType.windowUpdate && received.payload.length === 4) {
      this.granted.set(received.stream, (this.granted.get(received.stream) ?? 0) + received.payload.readUInt32BE(0));
      this.#options.onFrame?.(received);
      return;
    }
    if (type === frameType.data) this.dataBytes += received.payload.length;
    const ends = (type === frameType.data || type === frameType.headers) && (flags & endStream) !== 0;
    if (ends || type === frameType.reset) this.ended++;
    if (this.frames.length < keptMax || type === frameType.goaway || type === frameType.ping)
      this.frames.push(received);
    if (type === frameType.settings && (flags & acknowledge) === 0 && this.#options.acknowledges !== false) {
      this.socket.write(frame({ type: frameType.settings, flags: acknowledge }));
    }
    this.#options.onFrame?.(received);
  }
}

function open(url: string, { localAddress }: RawHttp2Options): Socket {
  const { hostname, port, protocol } = new URL(url);
  const address = { host: hostname, port: Number(port), ...(localAddress === undefined ? {} : { localAddress }) };
  return protocol === "https:"
    ? connectTls({ ...address, ALPNProtocols: ["h2"], rejectUnauthorized: false })
    : connect(address);
}
