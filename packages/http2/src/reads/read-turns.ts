import { performance } from "node:perf_hooks";
import { TimeShares } from "./time-shares.ts";

/** A share of the event loop: each group gets an equal share. */
export type TurnGroup = unknown;

/** Work that waits for its turn. */
export type TurnWork = () => void;

/**
 * What a connection waits for. `first`: its first read. `idle`: a read after all earlier requests were read completely. `backlog`: work that follows from
 * an earlier read, such as the rest of a chunk, a pipelined request, or the next part of a body.
 */
export type WaitingKind = "first" | "idle" | "backlog";

export interface DeferOptions {
  readonly group: TurnGroup;
  readonly kind: WaitingKind;
}

/** The work of one group, by kind. */
interface WaitingGroup {
  readonly kinds: TimeShares<WaitingKind>;
  readonly works: Map<WaitingKind, TurnWork[]>;
}

/** Work that runs, or what follows from it. */
interface Running {
  readonly groupKey: TurnGroup;
  readonly kind: WaitingKind;
  readonly startMs: number;
}

/**
 * Divides the time of the event loop between the connections of one server. When the time of a turn is used up, further reads wait, and later turns
 * resume them. Groups of connections, such as those of one address, get equal shares of the time: a thousand connections of one address delay those of
 * another no more than one does. Within a group, so do the kinds of work: hundreds of new connections, or of connections with endless work, do not
 * delay the few calls of another. One object for all connections of a server.
 */
export class ReadTurns {
  readonly #turnMs: number;
  readonly #shares = new TimeShares<TurnGroup>();
  /** Those with waiting reads, and those that had some: their shares of time are remembered. */
  readonly #groups = new Map<TurnGroup, WaitingGroup>();
  /** With this many groups, those without waiting reads are forgotten. */
  #groupsMax = rememberedGroupsMin;
  #running: Running | undefined;
  #size = 0;
  #scheduled = false;
  #runMs = 0;
  /** When the first read of this run began. */
  #runStartMs: number | undefined;
  /** When the last run ended. */
  #ranMs: number | undefined;
  #turnStartMs: number | undefined;
  #turnWatched = false;
  #shortTurns = 0;
  /** The number of connections that were accepted in successive turns. */
  #acceptedInRow = 0;
  /** Until when turns only accept if connections arrive: for as long after the last reads as they took. */
  #acceptUntilMs = Number.NEGATIVE_INFINITY;

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
    return this.#size > 0 || this.#isAccepting || this.#over;
  }

  /** Whether any reads wait. */
  get isWaiting(): boolean {
    return this.#size > 0;
  }

  /** Queues the work for a later turn, behind that of other groups. */
  defer(work: TurnWork, { group: key, kind }: DeferOptions): void {
    let group = this.#groups.get(key);
    if (group === undefined) {
      this.#forgetIdle();
      group = { kinds: new TimeShares(), works: new Map() };
      this.#groups.set(key, group);
    }
    const works = group.works.get(kind);
    if (works === undefined) {
      group.works.set(kind, [work]);
    } else {
      works.push(work);
    }
    group.kinds.add(kind);
    this.#shares.add(key);
    this.#size++;
    if (!this.#scheduled) {
      this.#schedule();
    }
  }

  /**
   * A connection was accepted. libuv accepts one in each turn of the event loop, however many are pending. So this turn and the next are short: under
   * full load the kernel's accept queue would otherwise fill, and new connections would be dropped. After some in successive turns, the queue is
   * probably long, and its end may be anybody's. After a read, turns then only accept for as long as the read took.
   */
  accepted(): void {
    if (this.#shortTurns === 0) {
      this.#acceptedInRow = 0;
      setImmediate(this.#countTurn);
    }
    this.#shortTurns = shortTurnsAfterAccept;
    this.#acceptedInRow++;
  }

  get #isAccepting(): boolean {
    return this.#shortTurns > 0 && this.#acceptedInRow > acceptedInRowMin;
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

  /**
   * Sets an immediate for each read. They run one after another, each followed by all that it causes in ticks and microtasks, such as the handling of
   * an HTTP/1.1 request: 200 reads may take 2 ms, and their handling 20 ms. So the time of the run includes it. `lastTurnMs`: how long the last turn
   * took. If it was long, other work than accepting took its time, and a short run would only delay the reads.
   */
  #schedule(lastTurnMs = 0): void {
    this.#scheduled = true;
    this.#runStartMs = undefined;
    this.#runMs = Math.min(Math.max(this.#turnMsNow, lastTurnMs), this.#turnMs) / runsPerTurn;
    let count = Math.min(this.#size, readsPerRunMax);
    if (this.#isAccepting && lastTurnMs < this.#turnMs) {
      count = performance.now() < this.#acceptUntilMs ? 0 : 1;
    }
    for (; count > 0; count--) {
      setImmediate(this.#resumeNext);
    }
    setImmediate(this.#endRun);
  }

  readonly #resumeNext = () => {
    const nowMs = performance.now();
    this.#charge(nowMs);
    this.#runStartMs ??= nowMs;
    if (nowMs < this.#runStartMs + this.#runMs) {
      this.#takeNext(nowMs)?.();
    }
  };

  readonly #endRun = () => {
    const nowMs = performance.now();
    this.#charge(nowMs);
    const lastMs = this.#ranMs;
    this.#ranMs = nowMs;
    if (this.#runStartMs !== undefined) {
      this.#acceptUntilMs = nowMs + (nowMs - this.#runStartMs);
    }
    if (this.#size > 0) {
      this.#schedule(lastMs === undefined ? 0 : nowMs - lastMs);
    } else {
      this.#ranMs = undefined;
      this.#scheduled = false;
      this.#groups.clear();
      this.#shares.clear();
    }
  };

  #takeNext(startMs: number): TurnWork | undefined {
    const groupKey = this.#shares.take();
    const group = this.#groups.get(groupKey);
    const kind = group?.kinds.take();
    if (group === undefined || kind === undefined) {
      return undefined;
    }
    const works = group.works.get(kind);
    const work = works?.shift();
    if (works !== undefined && works.length > 0) {
      group.kinds.add(kind);
    }
    if (!group.kinds.isEmpty) {
      this.#shares.add(groupKey);
    }
    this.#size--;
    this.#running = { groupKey, kind, startMs };
    return work;
  }

  /** Charges the time of the work that ran last, and of what followed from it. */
  #charge(nowMs: number): void {
    const running = this.#running;
    this.#running = undefined;
    const group = running && this.#groups.get(running.groupKey);
    if (running !== undefined && group !== undefined) {
      const usedMs = nowMs - running.startMs;
      this.#shares.charge(running.groupKey, usedMs);
      group.kinds.charge(running.kind, usedMs);
    }
  }

  /** Under endless load there is always some waiting read, and connections come and go. */
  #forgetIdle(): void {
    if (this.#groups.size < this.#groupsMax) {
      return;
    }
    for (const [key, { kinds }] of this.#groups) {
      if (kinds.isEmpty) {
        this.#groups.delete(key);
        this.#shares.forget(key);
      }
    }
    this.#groupsMax = Math.max(rememberedGroupsMin, this.#groups.size * 2);
  }
}

/** More than a service has callers with work in one turn. */
const rememberedGroupsMin = 1_024;

/** Enough for some ten calls. With shorter slices, switching between connections would cost too much. */
const sliceMinMs = 0.5;

/** Between two runs new connections are accepted, and sockets are read. So a run is shorter than a turn. */
const runsPerTurn = 4;

/** Immediates are set before the first read begins: many would cost time in vain if the first ones use up the turn. */
const readsPerRunMax = 64;

/** So many connections may come together by chance. */
const acceptedInRowMin = 4;

/** The turn in which a connection was accepted, and the next, which accepts the one behind it. */
const shortTurnsAfterAccept = 2;

/** With the default of 10 ms, a short turn reads for a quarter of a millisecond. With half of one, a burst at a gateway held up others twice as long. */
const shorterTimes = 40;
