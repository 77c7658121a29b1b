import { Duplex } from "node:stream";
import type { AnyHttp2Stream } from "../../any-connection.ts";
import { preface } from "../../frames/constants.ts";
import { requestHeaders } from "../../header-fields.ts";
import { encodeFields } from "../../hpack/header-encoder.ts";
import { Http2Connection } from "../../http2-connection.ts";
import { type Frame, frame } from "../frames-fixture.ts";
import { type Behaviour, type Sequence, streamWindowBytes } from "./sequence.ts";

/** A connection's behaviour in a sequence. */
export interface Observation {
  /** The exception that it threw, if any. */
  readonly thrown: unknown;
  /** Whether it had ended before its peer disconnected. */
  readonly destroyed: boolean;
  /** The frames that it sent. */
  readonly sent: readonly Frame[];
  readonly sentBytes: number;
  /** How often each stream reported its end, in the order in which the streams began. */
  readonly closedTimes: readonly number[];
  /** The number of events of streams after their end. */
  readonly lateEvents: number;
  /** Complete bodies, by stream, and whether they ended. */
  readonly received: readonly { readonly id: number; readonly bytes: number; readonly ended: boolean }[];
  /** The most streams open at once. */
  readonly openMost: number;
  /** Open streams after the peer has disconnected. */
  readonly openAfter: number;
  readonly connectionCloseCount: number;
}

export const streamsMax = 8;

/** Sends a sequence to a connection over a socket in memory, disconnects the peer, and returns the observations. */
export async function observe(sequence: Sequence): Promise<Observation> {
  const socket = new MemorySocket();
  const observed = new ObservedStreams(sequence.behaviours);
  let connectionCloseCount = 0;
  let openMost = 0;
  let thrown: unknown;
  const connection = new Http2Connection(socket, {
    role: sequence.role,
    streamsMax: sequence.role === "server" ? streamsMax : 0,
    streamWindowBytes,
    connectionWindowBytes: 1 << 20,
    headerBytesMax: 16_384,
    listener: {
      onStream(stream, block) {
        const headers = requestHeaders(block);
        if (headers === undefined) {
          stream.reset(1);
          return;
        }
        stream.expectedBytes = Number(headers["content-length"] ?? -1);
        observed.begin(stream);
        openMost = Math.max(openMost, connection.openCount);
      },
      onClose: () => connectionCloseCount++,
    },
  });
  for (let index = 0; index < sequence.opened; index++) {
    const stream = connection.open(encodeFields([":method", "POST", ":scheme", "http", ":path", "/a"]));
    observed.begin(stream);
    stream.end(Buffer.alloc(100));
  }
  try {
    for (const piece of pieces(Buffer.concat(sequence.frames), sequence.cuts)) {
      socket.emit("data", piece);
    }
    await turn();
    const destroyed = connection.destroyed;
    socket.emit("end");
    socket.destroy();
    await turn();
    return result(destroyed);
  } catch (error) {
    thrown = error;
    return result(connection.destroyed);
  }

  function result(destroyed: boolean): Observation {
    const sentBytes = Buffer.concat(socket.written);
    return {
      thrown,
      destroyed,
      sent: framesOf(sequence.role === "client" ? sentBytes.subarray(preface.length) : sentBytes),
      sentBytes: sentBytes.length,
      ...observed.summary(),
      openMost,
      openAfter: connection.openCount,
      connectionCloseCount,
    };
  }
}

/** Records the events of one connection's streams, and responds to each as `behaviours` say. */
class ObservedStreams {
  readonly #behaviours: readonly Behaviour[];
  readonly #streams: { readonly id: number; bytes: number; ended: boolean; closed: number }[] = [];
  #late = 0;

  constructor(behaviours: readonly Behaviour[]) {
    this.#behaviours = behaviours;
  }

  begin(stream: AnyHttp2Stream): void {
    const behaviour = this.#behaviours[this.#streams.length % this.#behaviours.length] as Behaviour;
    const own = { id: stream.id, bytes: 0, ended: false, closed: 0 };
    this.#streams.push(own);
    const note = (what: () => void) => () => {
      if (own.closed > 0) {
        this.#late++;
      }
      what();
    };
    const asked = stream.id % 2 === 1 && !stream.headersSent;
    stream.listener = {
      onHeaders: note(() => {}),
      onTrailers: note(() => {}),
      onData: (bytes) => note(() => (own.bytes += bytes.length))(),
      onEnd: note(() => {
        own.ended = true;
        if (asked && behaviour === "atEnd") {
          answer(stream, 20);
        }
      }),
      onClose: () => own.closed++,
    };
    if (asked && (behaviour === "atOnce" || behaviour === "large")) {
      answer(stream, behaviour === "large" ? 70_000 : 20);
    } else if (behaviour === "reset") {
      stream.reset(8);
    }
  }

  summary(): Pick<Observation, "closedTimes" | "lateEvents" | "received"> {
    return {
      closedTimes: this.#streams.map(({ closed }) => closed),
      lateEvents: this.#late,
      received: this.#streams.map(({ id, bytes, ended }) => ({ id, bytes, ended })),
    };
  }
}

/** The largest response of one stream, including frames. */
export const answerBytesMax = 71_000;

const answerHead = encodeFields([":status", "200"]);

function answer(stream: AnyHttp2Stream, bytes: number): void {
  stream.sendHeaders(answerHead);
  stream.end(Buffer.alloc(bytes), encodeFields(["grpc-status", "0"]));
}

/** Reads everything that it is sent. */
class MemorySocket extends Duplex {
  readonly written: Buffer[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    done();
  }
}

function* pieces(bytes: Buffer, cuts: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) {
      yield bytes.subarray(from, cut);
      from = cut;
    }
  }
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + frame(0, 0, 0).length + bytes.readUIntBE(at, 3);
    const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
    frames.push({ type, flags, id: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
