import { performance } from "node:perf_hooks";

/** A share of an event-loop turn: each group gets an equal share. */
export type TurnGroup = unknown;

/** Work that waits for its turn. */
export type TurnWork = () => void;

/**
 * Divides the event-loop turns of one server between its connections. When the time of a turn is used up, further reads wait for a later turn.
 * Groups of connections, such as those of one address, are then served in rotation, one connection's slice each: a thousand connections of one
 * address delay those of another no more than one does. One object for all connections of a server.
 */
export class ReadTurns {
  readonly #turnMs: number;
  readonly #groups = new Map<TurnGroup, TurnWork[]>();
  #size = 0;
  #scheduled = false;
  #turnStartMs: number | undefined;
  #turnWatched = false;
  #runStartMs = 0;
  #runEndMs = 0;
  /** The number of deferred reads that this run has resumed. */
  #resumed = 0;
  /** The number of deferred reads that this run may resume. */
  #resumedMax = 1;
  /**
   * The average busy time from one run to the next for each resumed read, in milliseconds. It includes what the read causes in later ticks and turns,
   * such as the handling of an HTTP/1.1 request: a run may resume 200 of these in 2 ms, and their handling takes 20 ms.
   */
  #msPerRead = 0;
  /** The idle time of the event loop until the last run, in milliseconds. */
  #idleMs = 0;
  #shortTurns = 0;

  /** `turnMs`: how long reading may take in one turn of the event loop, all connections together, in milliseconds. */
  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** How long one connection may work at once, in milliseconds. */
  get sliceMs(): number {
    return Math.max(sliceMinMs, this.#turnMsNow / (this.#size + 1));
  }

  /** Whether this read has to wait, see {@link defer}: others wait already, or the time of this turn is used up. */
  get isBusy(): boolean {
    return this.#size > 0 || this.#over;
  }

  /** Queues the work for a later turn, behind that of other groups. */
  defer(group: TurnGroup, work: TurnWork): void {
    const others = this.#groups.get(group);
    if (others === undefined) {
      this.#groups.set(group, [work]);
    } else {
      others.push(work);
    }
    this.#size++;
    this.#schedule();
  }

  /**
   * A connection was accepted. libuv accepts one in each turn of the event loop, however many are pending. So this turn and the next are short: under
   * full load the kernel's accept queue would otherwise fill, and new connections would be dropped.
   */
  accepted(): void {
    if (this.#shortTurns === 0) {
      setImmediate(this.#countTurn);
    }
    this.#shortTurns = shortTurnsAfterAccept;
  }

  readonly #countTurn = () => {
    this.#shortTurns--;
    if (this.#shortTurns > 0) {
      setImmediate(this.#countTurn);
    }
  };

  /**
   * Whether the time of this turn is used up. An immediate at the end of each turn would cost more than most reads. So it is set only after half
   * of the time, measured from the first check; that half may span several turns.
   */
  get #over(): boolean {
    const nowMs = performance.now();
    this.#turnStartMs ??= nowMs;
    const halfMs = this.#turnMsNow / 2;
    if (!this.#turnWatched) {
      if (nowMs - this.#turnStartMs < halfMs) {
        return false;
      }
      this.#turnWatched = true;
      this.#turnStartMs = nowMs - halfMs;
      setImmediate(this.#endTurn);
    }
    return nowMs - this.#turnStartMs >= this.#turnMsNow;
  }

  readonly #endTurn = () => {
    this.#turnStartMs = undefined;
    this.#turnWatched = false;
  };

  get #turnMsNow(): number {
    return this.#shortTurns > 0 ? this.#turnMs / shorterTimes : this.#turnMs;
  }

  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#run);
    }
  }

  readonly #run = () => {
    this.#scheduled = false;
    const nowMs = performance.now();
    const { idleTime: idleMs } = performance.nodeTiming;
    const passedMs = nowMs - this.#runStartMs;
    // After a longer time, other work has caused most of it.
    if (this.#resumed > 0 && passedMs < this.#turnMs * measuredTurnsMax) {
      const busyMs = passedMs - (idleMs - this.#idleMs);
      this.#msPerRead += (busyMs / this.#resumed - this.#msPerRead) / averagedRuns;
    }
    this.#idleMs = idleMs;
    const turnMs = this.#turnMsNow;
    this.#runStartMs = nowMs;
    this.#runEndMs = nowMs + turnMs;
    this.#resumed = 0;
    this.#resumedMax = Math.max(resumedMin, turnMs / this.#msPerRead);
    this.#next();
  };

  /** Runs the first work of the next group. */
  readonly #next = () => {
    for (const [group, waiting] of this.#groups) {
      const work = waiting.shift();
      this.#groups.delete(group);
      if (waiting.length > 0) {
        // Behind the other groups.
        this.#groups.set(group, waiting);
      }
      this.#size--;
      this.#resumed++;
      work?.();
      break;
    }
    if (this.#size > 0) {
      if (this.#resumed < this.#resumedMax && performance.now() < this.#runEndMs) {
        // After the microtasks that this work has queued, so that their time counts as well.
        queueMicrotask(this.#next);
      } else {
        this.#schedule();
      }
    }
  };
}

/** Enough for some ten calls. With shorter slices, switching between connections would cost too much. */
const sliceMinMs = 0.5;

/** A run resumes at least so many reads: other work may take most of the time between two runs. */
const resumedMin = 8;

/** The number of runs over which the time of a read is averaged. */
const averagedRuns = 4;

/** The time between two runs is not measured if it is longer than so many turns. */
const measuredTurnsMax = 10;

/** The turn in which a connection was accepted, and the next, which accepts the one behind it. */
const shortTurnsAfterAccept = 2;

/** With the default of 20 ms, 400 connections a second are accepted under full load. */
const shorterTimes = 8;
