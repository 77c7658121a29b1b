/**
 * Signals within this time of the first are the same press of Ctrl-C, in milliseconds: a terminal and a wrapper may
 * both send one. No user presses a key twice so quickly.
 */
const onePressMs = 50;

/**
 * Under npm one further signal within this time of the first counts as its duplicate, in milliseconds: the terminal signals the
 * whole group, and npm forwards its signals to its child.
 */
const npmEchoMs = 500;

/** How often to check that npm still runs, in milliseconds. */
const parentCheckMs = 500;

/** SIGBREAK is Ctrl-Break on Windows, where SIGHUP is the closed window; elsewhere it does not exist. */
const stopSignals: readonly NodeJS.Signals[] = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  ...(process.platform === "win32" ? (["SIGBREAK"] as const) : []),
];

export interface StopSignals {
  /** Settles with the first signal. */
  readonly first: Promise<void>;
  /** Settles with the next one that is not a duplicate of the first. */
  readonly second: Promise<void>;
  /** Whether the first has arrived. */
  readonly received: boolean;
  /** Counts as the first signal, if there was none. */
  stop(): void;
  /** Restores the default handling of the signals. */
  dispose(): void;
}

/**
 * Handles the signals that ask this process to end. Under npm, the end of the parent counts as one: npm forwards a signal
 * only to the shell that it started, which ends without forwarding it.
 */
export function watchSignals({ underNpm }: { readonly underNpm: boolean }): StopSignals {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let firstAt: number | undefined;
  let echoExpected = underNpm;
  const onSignal = () => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      first.resolve();
      return;
    }
    const sinceMs = performance.now() - firstAt;
    if (sinceMs <= onePressMs || (echoExpected && sinceMs <= npmEchoMs)) {
      echoExpected = false;
      return;
    }
    second.resolve();
  };
  const stop = () => {
    if (firstAt === undefined) {
      onSignal();
    }
  };
  for (const signal of stopSignals) {
    process.on(signal, onSignal);
  }
  const parent = process.ppid;
  const timer = setInterval(() => {
    // After a signal the shell may end first: that is not a second one.
    if (underNpm && process.ppid !== parent) {
      clearInterval(timer);
      stop();
    }
  }, parentCheckMs);
  timer.unref();
  return {
    first: first.promise,
    second: second.promise,
    get received() {
      return firstAt !== undefined;
    },
    stop,
    dispose() {
      clearInterval(timer);
      for (const signal of stopSignals) {
        process.off(signal, onSignal);
      }
    },
  };
}
