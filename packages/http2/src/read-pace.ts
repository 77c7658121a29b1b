/** Shares an event-loop turn between the connections of one server. One object for all of them. */
export class ReadTurns {
  /** Connections that paused in the middle of a chunk, and continue in the next turn. */
  waiting = 0;
  readonly #turnMs: number;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #turnEndMs: number | undefined;
  #shortUntilMs = Number.NEGATIVE_INFINITY;

  /** `turnMs`: the time for reading in one event-loop turn, all connections together, in milliseconds. */
  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  get sliceMs(): number {
    return Math.max(sliceMinMs, this.#turnMsAt(performance.now()) / (this.waiting + 1));
  }

  /** Whether this event-loop turn's time is used up. The first call starts the turn. */
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
   * A connection was accepted. libuv accepts one in each event-loop turn, however many wait: while connections arrive in consecutive turns,
   * turns are kept short, or the kernel's queue fills and new connections are dropped.
   */
  accepted(): void {
    const nowMs = performance.now();
    if (nowMs - this.#acceptedAtMs < this.#turnMs * sameQueueTurns) {
      this.#shortUntilMs = nowMs + this.#turnMs * sameQueueTurns;
    }
    this.#acceptedAtMs = nowMs;
  }
}

/** Connections that are accepted within this many turns were waiting together. */
const sameQueueTurns = 2;

/** With the default of 20 ms, 400 connections a second are accepted beside a full load. */
const shorterTimes = 8;

/** Enough for some ten calls: less would cost more in switching than others gain. */
const sliceMinMs = 0.5;

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
    this.#turns.waiting++;
    this.#yieldedInChunk = true;
  }

  /** Continues with the paused chunk. */
  resume(): void {
    this.#turns.waiting--;
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
