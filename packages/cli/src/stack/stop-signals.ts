/**
 * Within this time signals count as one, in milliseconds: on Ctrl-C the terminal tells the whole group, and npm passes on
 * to its child what it was told itself, so that one press arrives twice.
 */
const onePressMs = 500;

/** How often to look whether npm is still there, in milliseconds. */
const parentCheckMs = 500;

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopSignals {
  /** Settles with the first signal. */
  readonly first: Promise<void>;
  /** Settles with the next one that is not an echo of the first. */
  readonly second: Promise<void>;
  /** Whether the first has come. */
  readonly received: boolean;
  /** Gives the signals their ordinary meaning back. */
  dispose(): void;
}

/**
 * Takes over the signals that ask this process to end. Under npm, the end of the parent counts as one: npm passes a signal
 * on to the shell that it started alone, which ends and says nothing.
 */
export function watchSignals({ underNpm }: { readonly underNpm: boolean }): StopSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let firstAt: number | undefined;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      first.resolve();
    } else if (performance.now() - firstAt > onePressMs) {
      second.resolve();
    }
  };
  for (const signal of stopSignals) {
    process.on(signal, onSignal);
  }
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (underNpm && process.ppid !== parent) {
      clearInterval(timer);
      onSignal();
    }
  }, parentCheckMs);
  timer.unref();
  return {
    first: first.promise,
    second: second.promise,
    get received() {
      return firstAt !== undefined;
    },
    dispose() {
      clearInterval(timer);
      for (const signal of stopSignals) {
        process.off(signal, onSignal);
      }
    },
  };
}
