import { connect, type Socket } from "node:net";

/** The parts of a request. */
export interface RawRequest {
  readonly port: number;
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** The outcome of a request. */
export type Ending = "ok" | "refused" | "failed";

const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const frameHeaderBytes = 9;
const windowBytesDefault = 65_535;

/**
 * An HTTP/2 connection that repeats one request at a cost of about a microsecond: a full client would be slower than the
 * overloaded server. It respects the server's stream limit and windows (RFC 9113, sections 5.1.2 and 5.2).
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #onEnd: (startMs: number, ending: Ending) => void;
  readonly #startMs = new Map<number, number>();
  readonly #okData = new Set<number>();
  readonly #request: RawRequest;
  readonly #grpc: boolean;
  #nextId = 1;
  #streamsMax = 100;
  #window = windowBytesDefault;
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];
  closed = false;
  readonly ready: Promise<void>;

  constructor(request: RawRequest, onEnd: (startMs: number, ending: Ending) => void) {
    this.#request = request;
    this.#grpc = request.contentType.startsWith("application/grpc");
    this.#onEnd = onEnd;
    this.#socket = connect({ port: request.port, host: "127.0.0.1", noDelay: true });
    const settings = Buffer.from([0, 2, 0, 0, 0, 0, 0, 4, 0, 16, 0, 0]);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(2 ** 31 - 1 - windowBytesDefault);
    this.#socket.write(
      Buffer.concat([
        Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        header(frame.settings, 0, 0, settings.length),
        settings,
        header(frame.windowUpdate, 0, 0, 4),
        window,
      ]),
    );
    this.ready = new Promise((resolve) => this.#socket.once("data", () => resolve()));
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#close());
  }

  /** Whether the stream limit and the windows allow another request. */
  get free(): boolean {
    const bytes = this.#request.body.length;
    return !this.closed && this.#startMs.size < this.#streamsMax && this.#window >= bytes;
  }

  /** Queues a request, whose time counts from `startMs`. {@link flush} sends it. */
  send(startMs: number): void {
    const { body } = this.#request;
    const id = this.#nextId;
    this.#nextId += 2;
    const block = id === 1 ? firstBlock(this.#request) : laterBlock;
    this.#out.push(header(frame.headers, 4, id, block.length), block, header(frame.data, 1, id, body.length), body);
    this.#window -= body.length;
    this.#startMs.set(id, startMs);
  }

  flush(): void {
    if (this.#out.length > 0) {
      this.#socket.write(Buffer.concat(this.#out));
      this.#out = [];
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) {
        break;
      }
      this.#onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5), bytes.subarray(at + 9, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    const ends = (flags & 1) !== 0;
    switch (type) {
      case frame.headers:
        this.#onHeaders(id, payload, ends);
        return;
      case frame.data:
        if (ends) {
          this.#end(id, this.#okData.delete(id) ? "ok" : "failed");
        }
        return;
      case frame.reset:
        this.#okData.delete(id);
        this.#end(id, "refused");
        return;
      case frame.settings:
        if (!ends) {
          this.#onSettings(payload);
        }
        return;
      case frame.ping:
        if (!ends) {
          this.#out.push(header(frame.ping, 1, 0, 8), Buffer.from(payload));
        }
        return;
      case frame.goaway:
        this.#socket.destroy();
        return;
      case frame.windowUpdate:
        if (id === 0) {
          this.#window += payload.readUInt32BE(0);
        }
    }
  }

  /** The server encodes header fields as literals, so that the status can be read without an HPACK decoder. */
  #onHeaders(id: number, payload: Buffer, ends: boolean): void {
    if (!this.#grpc) {
      // RFC 7541, appendix A: entry 8 is `:status: 200`.
      if (payload[0] === 0x88) {
        this.#okData.add(id);
      }
      if (ends) {
        this.#end(id, this.#okData.delete(id) ? "ok" : "refused");
      } else if (payload[0] !== 0x88) {
        this.#end(id, "refused");
      }
      return;
    }
    if (ends) {
      const at = payload.indexOf("grpc-status");
      const code = at < 0 ? "" : payload.toString("latin1", at + 12, at + 12 + (payload[at + 11] ?? 0));
      this.#end(id, code === "0" ? "ok" : code === "8" ? "refused" : "failed");
    }
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === 3) {
        this.#streamsMax = payload.readUInt32BE(at + 2);
      }
    }
    this.#socket.write(header(frame.settings, 1, 0, 0));
  }

  #end(id: number, ending: Ending): void {
    const startMs = this.#startMs.get(id);
    if (startMs !== undefined) {
      this.#startMs.delete(id);
      this.#onEnd(startMs, ending);
    }
  }

  #close(): void {
    this.closed = true;
    for (const id of [...this.#startMs.keys()]) {
      this.#end(id, "failed");
    }
  }
}

function header(type: number, flags: number, id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  return bytes;
}

/**
 * The first request's headers are added to the connection's dynamic table (RFC 7541, section 6.2.1). Later requests refer to
 * these entries.
 */
function firstBlock({ port, path, contentType }: RawRequest): Buffer {
  const literal = (name: number, value: string) => [Buffer.from([0x40 | name, value.length]), Buffer.from(value)];
  return Buffer.concat([
    Buffer.from([0x83, 0x86]),
    ...literal(4, path),
    ...literal(1, `127.0.0.1:${port}`),
    ...literal(31, contentType),
    Buffer.from([0x40, 2]),
    Buffer.from("te"),
    Buffer.from([8]),
    Buffer.from("trailers"),
  ]);
}

const laterBlock = Buffer.from([0x83, 0x86, 0xc1, 0xc0, 0xbf, 0xbe]);
