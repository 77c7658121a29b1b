import type { OutlierOptions } from "../channel.ts";

/** The calls of one address since the last evaluation. */
export class CallCounts {
  calls = 0;
  failures = 0;
  /** Evaluations with too few calls. */
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
  /** The end of its ejection, on the clock's monotonic scale; in the past, or undefined, if it is not ejected. */
  readonly ejectedUntilMs: number | undefined;
  /** The number of its ejections, minus good intervals in between. */
  ejectionCount: number;
  /** Consecutive failures. */
  failuresInARow: number;
  /** Whether it is used again after an ejection, without a success yet. */
  isOnProbation: boolean;
  eject(untilMs: number, counts: { readonly calls: number; readonly failures: number; readonly forMs: number }): void;
  /** Its ejection has ended. */
  readmit(): void;
}

/** Counts of an address with few calls are dropped after so many intervals: old failures say nothing about now. */
const waitedMax = 20;
/** Consecutive failures that are evaluated at once; on probation one is enough: an address that fails quickly would attract many calls by then. */
const failuresInARowMax = 5;
/** How many times the others' failure share an address must have: if all addresses fail, none is ejected. */
const outlierFactor = 2;

/** Ejects addresses whose calls fail while those of the others do not (gRPC's proposal A50, "failure percentage", with thresholds of our own). */
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

  /** Compares the addresses. Call it once an interval while calls are made. */
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

  /** A call of an address has failed. Evaluates it before the end of the interval if its last calls have all failed. */
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

  /** Whether its failure share is a multiple of the others'. Without calls of others that is unknown. */
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
