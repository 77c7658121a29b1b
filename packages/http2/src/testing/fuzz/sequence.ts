import { flag, frameType, preface, setting } from "../../frames/constants.ts";
import { encodeFields } from "../../hpack/header-encoder.ts";
import { frame, settingsPayload, uint32 } from "../frames-fixture.ts";
import type { Random } from "./random.ts";

/** The bytes of a connection's peer, and how they reach the connection. */
export interface Sequence {
  readonly role: "client" | "server";
  readonly frames: readonly Buffer[];
  /** Where the bytes are split between two reads. Empty: one read. */
  readonly cuts: readonly number[];
  /** The number of streams that a client has open. */
  readonly opened: number;
  /** The handling of each stream, in order and from the beginning again. */
  readonly behaviours: readonly Behaviour[];
  /** Whether each frame is valid, so that no error may occur. */
  readonly valid: boolean;
}

/** `atOnce` and `atEnd` answer, `large` more than the windows allow, `never` does not answer, `reset` ends the stream. */
export type Behaviour = "atOnce" | "atEnd" | "large" | "never" | "reset";

/** Generates a sequence: one in four is valid. */
export function randomSequence(random: Random): Sequence {
  const role = random.oneIn(3) ? "client" : "server";
  const valid = random.oneIn(4);
  const opened = role === "client" ? 1 + random.below(4) : 0;
  const start = role === "server" ? [preface] : [];
  const peer = new Peer(random, { role, opened });
  const frames = [...start, frame(frameType.settings, 0, 0, peer.settings(valid))];
  // Most invalid frames end the connection, and later ones are ignored.
  const wrongOneIn = random.pick([3, 8, 20]);
  for (let left = random.below(24); left > 0; left--) {
    frames.push(valid || !random.oneIn(wrongOneIn) ? peer.validFrame() : peer.anyFrame());
  }
  if (!valid && random.oneIn(200)) {
    const one = peer.anyFrame();
    frames.push(...Array.from({ length: 1 + random.below(12_000) }, () => one));
  }
  const bytes = frames.reduce((sum, { length }) => sum + length, 0);
  return {
    role,
    frames,
    cuts: cuts(random, bytes),
    opened,
    behaviours: Array.from({ length: 4 }, () =>
      valid
        ? random.pick<Behaviour>(["atOnce", "atEnd", "large"])
        : random.pick<Behaviour>(["atOnce", "atEnd", "large", "never", "reset"]),
    ),
    valid,
  };
}

function cuts(random: Random, bytes: number): readonly number[] {
  if (bytes < 400 && random.oneIn(8)) {
    return Array.from({ length: bytes }, (_, at) => at);
  }
  return Array.from({ length: random.below(12) }, () => random.below(bytes)).sort((one, other) => one - other);
}

const request = [":method", "POST", ":scheme", "http", ":path", "/a"];

/** The peer of the connection: tracks which streams are open, so that it can send valid frames. */
class Peer {
  readonly #random: Random;
  readonly #server: boolean;
  /** Streams that this peer may still send on, and whether it has sent headers. */
  readonly #open = new Map<number, { headers: boolean; sent: number }>();
  #nextId = 1;

  constructor(random: Random, { role, opened }: { readonly role: "client" | "server"; readonly opened: number }) {
    this.#random = random;
    this.#server = role === "client";
    for (let index = 0; index < opened; index++) {
      this.#open.set(1 + index * 2, { headers: false, sent: 0 });
    }
  }

  settings(valid: boolean): Buffer {
    const random = this.#random;
    const pairs = Array.from({ length: random.below(3) }, (): [number, number] =>
      random.pick<[number, number]>([
        [setting.headerTableSize, random.below(10_000)],
        [setting.initialWindowSize, random.below(100_000)],
        [setting.maxFrameSize, 16_384 + random.below(1_000)],
        [setting.maxConcurrentStreams, random.below(100)],
        [99, random.below(2 ** 32)],
      ]),
    );
    if (!valid && random.oneIn(4)) {
      pairs.push([random.below(8), random.below(2 ** 32)]);
    }
    return settingsPayload(...pairs);
  }

  validFrame(): Buffer {
    const random = this.#random;
    switch (random.below(this.#server ? 9 : 10)) {
      case 0:
        return frame(frameType.ping, random.pick([0, flag.ack]), 0, random.bytes(8));
      case 1:
        return frame(frameType.settings, 0, 0, this.settings(true));
      case 2:
        return frame(frameType.windowUpdate, 0, 0, uint32(1 + random.below(10_000)));
      case 3:
        return frame(16 + random.below(200), random.below(256), random.below(20), random.bytes(random.below(20)));
      case 4:
        return frame(frameType.priority, 0, 1 + 2 * random.below(20), uint32(100, 0).subarray(0, 5));
      case 9:
        return this.#request();
      default:
        return this.#onOpenStream();
    }
  }

  anyFrame(): Buffer {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return random.bytes(random.below(40));
      case 1:
        return frame(random.below(12), random.below(256), this.#id(), random.bytes(random.below(64)));
      case 2:
        return this.#mutated(this.validFrame());
      case 3:
        return frame(frameType.headers, flag.endHeaders | random.below(2), this.#id(), this.#block());
      case 4:
        return frame(frameType.reset, 0, this.#id(), uint32(random.below(20)));
      case 5:
        return frame(
          frameType.windowUpdate,
          0,
          this.#id(),
          uint32(random.pick([0, 1, 65_535, 2 ** 31 - 1, 2 ** 32 - 1])),
        );
      case 6:
        return frame(frameType.goaway, 0, 0, uint32(random.below(20), random.below(20)));
      default:
        return frame(frameType.data, random.below(16), this.#id(), random.bytes(random.below(3_000)));
    }
  }

  #id(): number {
    const random = this.#random;
    if (random.oneIn(8)) {
      return random.oneIn(2) ? random.below(2 ** 32) : random.below(24);
    }
    return random.oneIn(2) && this.#open.size > 0
      ? random.pick([...this.#open.keys()])
      : 1 + 2 * random.below(this.#nextId);
  }

  #mutated(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    for (let times = 1 + this.#random.below(3); times > 0 && copy.length > 0; times--) {
      copy[this.#random.below(copy.length)] = this.#random.below(256);
    }
    return this.#random.oneIn(4) ? copy.subarray(0, this.#random.below(copy.length)) : copy;
  }

  #block(): Buffer {
    const random = this.#random;
    return random.pick([
      () => random.bytes(random.below(40)),
      () =>
        encodeFields([...request, random.pick(["A", "a b", "connection", "te", ":path", "content-length", "x"]), "1"]),
      () => Buffer.concat([encodeFields(request), Buffer.from("4001780179be", "hex")]),
      () => Buffer.concat([Buffer.from([0x20 + random.below(32), random.below(128)]), encodeFields(request)]),
      () => encodeFields([...request, "x", "y".repeat(random.below(20_000))]).subarray(0, 16_384),
      () => encodeFields([":status", String(random.below(1_000)), "content-length", String(random.below(20))]),
    ])();
  }

  #request(): Buffer {
    const random = this.#random;
    const id = this.#nextId;
    this.#nextId += 2 + (random.oneIn(5) ? 2 : 0);
    const ends = random.oneIn(2);
    if (!ends) {
      this.#open.set(id, { headers: true, sent: 0 });
    }
    return this.#headers(id, encodeFields([...request, "x", "y".repeat(random.below(300))]), ends);
  }

  #onOpenStream(): Buffer {
    const random = this.#random;
    if (this.#open.size === 0) {
      return frame(frameType.ping, 0, 0, random.bytes(8));
    }
    const [id, state] = random.pick([...this.#open]);
    if (!state.headers) {
      state.headers = true;
      return this.#headers(id, encodeFields([":status", "200"]), false);
    }
    const ends = random.oneIn(3);
    if (ends) {
      this.#open.delete(id);
    }
    if (ends && random.oneIn(2)) {
      return this.#headers(id, encodeFields(["trailer", "a"]), true);
    }
    const data = random.bytes(Math.min(random.below(200), streamWindowBytes - state.sent - 3));
    state.sent += data.length + 3;
    return random.oneIn(3)
      ? frame(
          frameType.data,
          flag.padded | (ends ? flag.endStream : 0),
          id,
          Buffer.concat([Buffer.from([2]), data, Buffer.alloc(2)]),
        )
      : frame(frameType.data, ends ? flag.endStream : 0, id, data);
  }

  /** HEADERS, sometimes with CONTINUATION. */
  #headers(id: number, block: Buffer, ends: boolean): Buffer {
    const endStream = ends ? flag.endStream : 0;
    if (!this.#random.oneIn(4)) {
      return frame(frameType.headers, endStream | flag.endHeaders, id, block);
    }
    const at = this.#random.below(block.length + 1);
    return Buffer.concat([
      frame(frameType.headers, endStream, id, block.subarray(0, at)),
      frame(frameType.continuation, flag.endHeaders, id, block.subarray(at)),
    ]);
  }
}

/** The window of a stream under test: small, so that exceeding it is likely. */
export const streamWindowBytes = 2_000;
