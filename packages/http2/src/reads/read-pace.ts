import type { ReadTurns, WaitingKind } from "./read-turns.ts";

/** How the reads of a connection go on after a frame. `settle`: after the calls that were read have had their ticks and microtasks. */
export type Pace = "read" | "settle" | "yield";

/**
 * Lets one connection process its reads for a slice of an event-loop turn, and measures how long
 * they have been waiting.
 */
export class ReadPace {
  readonly #turns: ReadTurns;
  #frames = 0;
  #sliceEndMs = 0;
  /** When the clock was last read. */
  #nowMs = 0;
  /** When the current chunk was read. */
  #chunkMs = 0;
  #chunkFull = false;
  #yieldedInChunk = false;
  /** The calls that were read since the last settling, and how many may be. */
  #calls = 0;
  #callsMax = callsMost;
  /** The time that a call takes, with its ticks and microtasks, on average. In milliseconds. */
  #msPerCall = 0;
  /** When the first of the calls was read, at the latest. */
  #callsSinceMs = 0;
  /** The current bytes arrived after this time. */
  #sinceMs = 0;
  #caughtUp = true;

  constructor(turns: ReadTurns) {
    this.#turns = turns;
  }

  /**
   * How long the current frame may have waited, in milliseconds: on the connection, or in the kernel's buffer before it. 0 as
   * long as too few frames were read without catching up: a process that was not scheduled is not behind with its own work.
   */
  get behindMs(): number {
    return this.#frames < standingFramesMin ? 0 : this.#nowMs - this.#sinceMs;
  }

  /** What the next chunk is. */
  get kindOfNext(): WaitingKind {
    if (this.#nowMs === 0) {
      return "first";
    }
    return this.#caughtUp ? "idle" : "backlog";
  }

  /** A chunk was read from the socket. */
  begin(chunkBytes: number): void {
    const nowMs = performance.now();
    const gapMs = nowMs - this.#nowMs;
    if (this.#caughtUp || gapMs > pauseMs) {
      this.#sinceMs = nowMs;
    }
    if (gapMs > sameTurnMs) {
      this.#sliceEndMs = nowMs + this.#turns.sliceMs;
    }
    this.#chunkMs = nowMs;
    this.#beginCalls(nowMs);
    this.#chunkFull = chunkBytes >= readBytesMax;
    this.#yieldedInChunk = false;
    this.#nowMs = nowMs;
  }

  /** Called for each call. */
  countCall(): void {
    this.#calls++;
  }

  /** Called after each frame. Reads the clock at every eighth. */
  get next(): Pace {
    if (this.#calls >= this.#callsMax) {
      return "settle";
    }
    if ((++this.#frames & 7) !== 0) {
      return "read";
    }
    this.#nowMs = performance.now();
    return this.#nowMs >= this.#sliceEndMs ? "yield" : "read";
  }

  /**
   * The calls have had their ticks and microtasks. False if the slice is over: reading a thousand calls takes a few milliseconds, and handling them may
   * take a second.
   */
  settled(): boolean {
    const nowMs = performance.now();
    this.#nowMs = nowMs;
    const msPerCall = (nowMs - this.#callsSinceMs) / this.#calls;
    this.#msPerCall += (msPerCall - this.#msPerCall) / 2;
    this.#beginCalls(nowMs);
    return nowMs < this.#sliceEndMs;
  }

  #beginCalls(nowMs: number): void {
    this.#calls = 0;
    this.#callsSinceMs = nowMs;
    if (this.#msPerCall > 0) {
      const most = Math.floor(this.#turns.sliceMs / this.#msPerCall);
      this.#callsMax = Math.min(callsMost, Math.max(callsLeast, most));
    }
  }

  /** Pauses in the middle of a chunk. */
  yield(): void {
    this.#yieldedInChunk = true;
  }

  /** A deliberate pause is over. It does not count as a wait. */
  rested(): void {
    this.#frames = 0;
    this.#sinceMs = performance.now();
  }

  /** Begins or continues with the chunk, after the turns of others. */
  resume(): void {
    this.#nowMs = performance.now();
    this.#sliceEndMs = this.#nowMs + this.#turns.sliceMs;
    this.#beginCalls(this.#nowMs);
  }

  /** The chunk is processed. */
  finish(): void {
    this.#nowMs = performance.now();
    // A full chunk leaves more in the kernel, as old as itself; a partial one emptied it when it was read.
    this.#caughtUp = !this.#chunkFull && !this.#yieldedInChunk;
    if (this.#caughtUp) {
      this.#frames = 0;
    }
    if (!this.#chunkFull) {
      this.#sinceMs = this.#chunkMs;
    }
  }
}

/** Settling costs about as much as reading a call. */
const callsLeast = 4;
/** A call may cost a hundred times more than those before it: an answer from a cache costs its encoding, and a forwarded call waits. */
const callsMost = 32;

/** The bytes of some two hundred calls. */
const standingFramesMin = 400;

/** The most that Node reads from a socket at once. */
const readBytesMax = 65_536;

/** After a pause as long as this no bytes had been waiting. */
const pauseMs = 50;

/** Chunks that follow as closely are of the same event-loop turn. */
const sameTurnMs = 0.1;
