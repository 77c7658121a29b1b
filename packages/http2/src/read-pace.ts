/** How the connections of one server share a turn of the event loop. One object for all of them. */
export class ReadTurns {
  /** Connections that stopped in the middle of what they had read, and go on in the next turn. */
  waiting = 0;
  readonly #turnMs: number;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #turnEndMs: number | undefined;
  #shortUntilMs = Number.NEGATIVE_INFINITY;

  /** `turnMs`: how long reading may take in one turn of the event loop, all connections together, in milliseconds. */
  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  get sliceMs(): number {
    return Math.max(sliceMinMs, this.#turnMsAt(performance.now()) / (this.waiting + 1));
  }

  /** Whether the time of this turn of the event loop is used up. The turn begins when this is asked for the first time. */
  get over(): boolean {
    const nowMs = performance.now();
    if (this.#turnEndMs === undefined) {
      this.#turnEndMs = nowMs + this.#turnMsAt(nowMs);
      setImmediate(this.#endTurn);
    }
    return nowMs >= this.#turnEndMs;
  }

  readonly #endTurn = () => {
    this.#turnEndMs = undefined;
  };

  #turnMsAt(nowMs: number): number {
    return nowMs < this.#shortUntilMs ? this.#turnMs / shorterTimes : this.#turnMs;
  }

  /**
   * A connection was accepted. libuv accepts one in each turn of the event loop, however many wait for it: where one turn after the other has one, turns are
   * kept short for a while, or the kernel's queue fills and new connections are dropped.
   */
  accepted(): void {
    const nowMs = performance.now();
    if (nowMs - this.#acceptedAtMs < this.#turnMs * sameQueueTurns) {
      this.#shortUntilMs = nowMs + this.#turnMs * sameQueueTurns;
    }
    this.#acceptedAtMs = nowMs;
  }
}

/** Connections that are accepted within so many turns waited together. */
const sameQueueTurns = 2;

/** With the default of 20 ms, 400 connections a second are accepted beside a full load. */
const shorterTimes = 8;

/** Enough for some ten calls: less would cost more in changing over than it gives to others. */
const sliceMinMs = 0.5;

/**
 * Lets one connection work on what it read for a slice of a turn of the event loop, so that others have theirs, and tells how long
 * what it works on has been waiting.
 */
export class ReadPace {
  readonly #turns: ReadTurns;
  #frames = 0;
  #sliceEndMs = 0;
  /** When the time was last looked at. */
  #nowMs = 0;
  /** When the chunk that is worked on was read. */
  #chunkMs = 0;
  #chunkFull = false;
  #yieldedInChunk = false;
  /** What is worked on arrived after this. */
  #sinceMs = 0;
  #caughtUp = true;

  constructor(turns: ReadTurns) {
    this.#turns = turns;
  }

  /**
   * How long the frame that is worked on may have waited, in milliseconds: on the connection, or in the kernel's buffer before it. 0 as
   * long as too few frames were read without catching up: a process that the machine let wait is not behind with its own work.
   */
  get behindMs(): number {
    return this.#frames < standingFramesMin ? 0 : this.#nowMs - this.#sinceMs;
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

  /** Whether the slice is over. Asked for each frame; looks at the time at every eighth. */
  get over(): boolean {
    if ((++this.#frames & 7) !== 0) {
      return false;
    }
    this.#nowMs = performance.now();
    return this.#nowMs >= this.#sliceEndMs;
  }

  /** Stops in the middle of a chunk. */
  yield(): void {
    this.#turns.waiting++;
    this.#yieldedInChunk = true;
  }

  /** Goes on with the chunk in which it stopped. */
  resume(): void {
    this.#turns.waiting--;
    this.#nowMs = performance.now();
    this.#sliceEndMs = this.#nowMs + this.#turns.sliceMs;
  }

  /** The chunk is done with. */
  finish(): void {
    this.#nowMs = performance.now();
    // A full chunk leaves more behind in the kernel, as old as itself; a partial one emptied it when it was read.
    this.#caughtUp = !this.#chunkFull && !this.#yieldedInChunk;
    if (this.#caughtUp) {
      this.#frames = 0;
    }
    if (!this.#chunkFull) {
      this.#sinceMs = this.#chunkMs;
    }
  }
}

/** Those of some two hundred calls. */
const standingFramesMin = 400;

/** The most that Node reads from a socket at once. */
const readBytesMax = 65_536;

/** After a pause as long as this nothing had been waiting. */
const pauseMs = 50;

/** Chunks that follow one another as closely come in the same turn of the event loop. */
const sameTurnMs = 0.1;
