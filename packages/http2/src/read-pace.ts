import type { ReadTurns, WaitingKind } from "./read-turns.ts";

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
    this.#chunkFull = chunkBytes >= readBytesMax;
    this.#yieldedInChunk = false;
    this.#nowMs = nowMs;
  }

  /** Whether the slice is over. Called for each frame; reads the clock at every eighth. */
  get over(): boolean {
    if ((++this.#frames & 7) !== 0) {
      return false;
    }
    this.#nowMs = performance.now();
    return this.#nowMs >= this.#sliceEndMs;
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

/** The bytes of some two hundred calls. */
const standingFramesMin = 400;

/** The most that Node reads from a socket at once. */
const readBytesMax = 65_536;

/** After a pause as long as this no bytes had been waiting. */
const pauseMs = 50;

/** Chunks that follow as closely are of the same event-loop turn. */
const sameTurnMs = 0.1;
