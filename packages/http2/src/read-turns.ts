/** A share of an event-loop turn: each group gets an equal share. */
export type TurnGroup = unknown;

/** Work that waits for its turn. */
export type TurnWork = () => void;

/**
 * How the connections of one server share the turns of the event loop. What is read when the time of a turn is over waits for a later one. There, groups of
 * connections, such as those of one address, come one after the other, each with one connection's slice: a thousand connections of one address delay those of
 * another no more than one does. One object for all connections of a server.
 */
export class ReadTurns {
  readonly #turnMs: number;
  readonly #groups = new Map<TurnGroup, TurnWork[]>();
  #size = 0;
  #scheduled = false;
  #turnStartMs: number | undefined;
  #turnWatched = false;
  #runEndMs = 0;
  #shortTurns = 0;

  /** `turnMs`: how long reading may take in one turn of the event loop, all connections together, in milliseconds. */
  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** How long one connection may work at once, in milliseconds. */
  get sliceMs(): number {
    return Math.max(sliceMinMs, this.#turnMsNow / (this.#size + 1));
  }

  /** Whether others wait already, or the time of this turn is over, so that what was read now has to wait: see {@link defer}. */
  get isBusy(): boolean {
    return this.#size > 0 || this.#over;
  }

  /** Has the work done in a later turn, after that of other groups. */
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
   * A connection was accepted. libuv accepts one in each turn of the event loop, however many wait for it: this turn and the next are short, or the kernel's
   * queue would fill beside a full load, and new connections be dropped.
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
   * Whether the time of this turn is over. An immediate that ends each turn would cost more than most reads. So the end of a turn is
   * watched only after half the time, from the first question on, is over: that half may have been several turns.
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
    this.#runEndMs = nowMs + this.#turnMsNow;
    this.#next();
  };

  /** Does the first work of the next group. */
  readonly #next = () => {
    for (const [group, waiting] of this.#groups) {
      const work = waiting.shift();
      this.#groups.delete(group);
      if (waiting.length > 0) {
        // Behind the others.
        this.#groups.set(group, waiting);
      }
      this.#size--;
      work?.();
      break;
    }
    if (this.#size > 0) {
      if (performance.now() < this.#runEndMs) {
        // After what this work has begun, so that its time counts as well.
        queueMicrotask(this.#next);
      } else {
        this.#schedule();
      }
    }
  };
}

/** Enough for some ten calls: less would cost more in changing over than it gives to others. */
const sliceMinMs = 0.5;

/** The turn in which a connection was accepted, and the next, which accepts the one behind it. */
const shortTurnsAfterAccept = 2;

/** With the default of 20 ms, 400 connections a second are accepted beside a full load. */
const shorterTimes = 8;
