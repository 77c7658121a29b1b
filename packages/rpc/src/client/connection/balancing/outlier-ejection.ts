import type { OutlierOptions } from "../channel.ts";

/** The calls of one address since it was last judged. */
export class CallCounts {
  calls = 0;
  failures = 0;
  /** Judgements that these calls have waited for, too few to be judged. */
  waited = 0;

  reset(): void {
    this.calls = 0;
    this.failures = 0;
    this.waited = 0;
  }
}

/** An address as ejection sees it. */
export interface Ejectable {
  readonly counts: CallCounts;
  /** Until when it is set aside, on the clock's monotonic scale; in the past, or undefined, if it is not. */
  readonly ejectedUntilMs: number | undefined;
  /** How often it was set aside, less the times in between that went well. */
  ejectionCount: number;
  /** Its last calls in a row that have failed. */
  failuresInARow: number;
  /** Whether it was set aside, is used again, and has not shown yet that it works. */
  isOnProbation: boolean;
  eject(untilMs: number, counts: { readonly calls: number; readonly failures: number; readonly forMs: number }): void;
  /** Its time is over. */
  readmit(): void;
}

/** Counts of an address with few calls are dropped after so many intervals: failures of long ago say nothing of now. */
const waitedMax = 20;
/** So many failures in a row are judged at once, and of an address on probation one: a server that fails quickly would draw many calls by then. */
const failuresInARowMax = 5;
/** How many times the others' share of failures an address must have: what fails everywhere is no reason to leave one of them. */
const outlierFactor = 2;

/** Sets addresses aside whose calls fail while those of the others do not (gRPC's proposal A50, "failure percentage", with thresholds of our own). */
export class OutlierEjection {
  readonly intervalMs: number;
  readonly #options: Required<OutlierOptions>;

  constructor(options: OutlierOptions = {}) {
    this.#options = {
      intervalMs: options.intervalMs ?? 500,
      callsMin: options.callsMin ?? 5,
      failureRatio: options.failureRatio ?? 0.5,
      baseEjectionMs: options.baseEjectionMs ?? 2000,
      ejectionMaxMs: options.ejectionMaxMs ?? 30_000,
      ejectedShareMax: options.ejectedShareMax ?? 0.5,
    };
    this.intervalMs = this.#options.intervalMs;
  }

  /** Compares the addresses. To be called once an interval while calls are made. */
  judge(addresses: readonly Ejectable[], nowMs: number): void {
    for (const address of addresses) {
      if (address.ejectedUntilMs !== undefined && address.ejectedUntilMs <= nowMs) {
        address.counts.reset();
        address.readmit();
      }
    }
    const all = sumOf(addresses);
    for (const address of addresses) {
      const { counts } = address;
      if (
        address.ejectedUntilMs !== undefined ||
        (counts.calls < this.#options.callsMin && ++counts.waited < waitedMax)
      ) {
        continue;
      }
      this.#judgeOne(address, { addresses, all, nowMs });
      counts.reset();
    }
  }

  /** A call of an address has failed. Judges it before the interval is over, where its last calls have all failed. */
  failed(address: Ejectable, addresses: readonly Ejectable[], nowMs: number): void {
    const isSuspect = address.failuresInARow >= (address.isOnProbation ? 1 : failuresInARowMax);
    if (isSuspect && address.ejectedUntilMs === undefined && this.#isOutlier(address, sumOf(addresses))) {
      this.#eject(address, addresses, nowMs);
    }
  }

  #judgeOne(
    address: Ejectable,
    {
      addresses,
      all,
      nowMs,
    }: { readonly addresses: readonly Ejectable[]; readonly all: Counts; readonly nowMs: number },
  ): void {
    const { callsMin, failureRatio } = this.#options;
    const { calls, failures } = address.counts;
    if (calls < callsMin || failures / calls < failureRatio) {
      address.ejectionCount = Math.max(0, address.ejectionCount - 1);
      address.isOnProbation = false;
    } else if (this.#isOutlier(address, all)) {
      this.#eject(address, addresses, nowMs);
    }
  }

  /** Whether its share of failures is a multiple of that of the others. Without calls of others nothing can be said. */
  #isOutlier({ counts: { calls, failures } }: Ejectable, all: Counts): boolean {
    const otherCalls = all.calls - calls;
    return otherCalls > 0 && failures / calls >= (outlierFactor * (all.failures - failures)) / otherCalls;
  }

  #eject(address: Ejectable, addresses: readonly Ejectable[], nowMs: number): void {
    const { baseEjectionMs, ejectionMaxMs } = this.#options;
    if (!this.#mayEject(addresses)) {
      return;
    }
    address.ejectionCount++;
    address.isOnProbation = true;
    const { calls, failures } = address.counts;
    const forMs = Math.min(baseEjectionMs * address.ejectionCount, ejectionMaxMs);
    address.eject(nowMs + forMs, { calls, failures, forMs });
  }

  #mayEject(addresses: readonly Ejectable[]): boolean {
    const ejected = addresses.filter(({ ejectedUntilMs }) => ejectedUntilMs !== undefined).length;
    const most = Math.max(1, Math.floor(addresses.length * this.#options.ejectedShareMax));
    return addresses.length > 1 && ejected < most;
  }
}

type Counts = Pick<CallCounts, "calls" | "failures">;

function sumOf(addresses: readonly Ejectable[]): Counts {
  return addresses.reduce(
    (sum, { counts }) => ({ calls: sum.calls + counts.calls, failures: sum.failures + counts.failures }),
    { calls: 0, failures: 0 },
  );
}
